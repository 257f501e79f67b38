"""A process of `jaxdl bench`: one side of one workload; a round for each line that it reads."""

import json
import os
import resource
import sys
import time


def main() -> None:
    """Arguments: workload, side (jaxdl, or a form of torch), core (a number, or all)."""
    name, side, core = sys.argv[1:]
    if core != "all":
        os.sched_setaffinity(0, {int(core)})
    if side == "jaxdl":
        from jaxdl.training.environment import prepare_process, use_compilation_cache

        prepare_process()
        from jaxdl.interop.bench.ours import our_steps

        use_compilation_cache()
        before = peak()
        work = our_steps(name)
    else:
        import torch

        from jaxdl.interop.torch_twins.steps import torch_steps

        if core != "all":
            torch.set_num_threads(1)
        before = peak()
        work = torch_steps(name, side)
    work()  # compiles
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "memory": peak() - before}), flush=True)


def peak() -> int:
    """The most memory that this process has had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
