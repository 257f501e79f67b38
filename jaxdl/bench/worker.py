"""A process of `jaxdl bench`: one side of one workload."""

import sys
from collections.abc import Callable
from typing import Any

from jaxdl.bench.worker_pool import pin, serve


def main() -> None:
    """Arguments: workload, side (jaxdl, or a form of torch), core (a number, or all)."""
    name, side, core = sys.argv[1:]
    pin(core)
    serve(lambda: (our_work if side == "jaxdl" else torch_work)(name, side, core))


def our_work(name: str, side: str, core: str) -> Callable[[], Any]:
    """A round of jaxdl."""
    from jaxdl.runs.environment import prepare_process, use_compilation_cache

    prepare_process()
    from jaxdl.bench.jax_workloads import our_steps

    use_compilation_cache()
    return our_steps(name)


def torch_work(name: str, side: str, core: str) -> Callable[[], Any]:
    """A round of torch."""
    import torch

    from jaxdl.bench.torch_workloads import torch_steps

    if core != "all":
        torch.set_num_threads(1)
    return torch_steps(name, side)


if __name__ == "__main__":
    main()
