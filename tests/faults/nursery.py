"""A process that has imported everything and forks a real `jaxdl` process on each request.

Requests and answers are lines of JSON on stdin and stdout: `{"start": [...]}` gives a pid,
`{"wait": pid}` [wait status, CPU seconds]. A child ends as any Python process does, with its
threads joined and its exit handlers run; only the modules are not taken apart.
"""

import atexit
import gc
import json
import os
import sys
import threading
import traceback

from tests.faults import conditions


def preload() -> None:
    """Imports what a run needs, without waking a device."""
    import flax.linen
    import jax
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import optax
    import orbax.checkpoint as ocp
    import sklearn.datasets
    import tyro

    import experiments.classification.train
    import jaxdl.cli
    from jaxdl.runs.environment import prepare_process

    prepare_process()
    assert all((ocp.CheckpointManager, ocp.args.StandardSave))  # imported when first named
    del flax, jax, matplotlib, optax, sklearn, tyro, experiments, jaxdl


def serve() -> dict | None:
    """Answers requests; returns the request in the child that is to do it, None at the end."""
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status, usage = os.wait4(request["wait"], 0)
            answer = [status, usage.ru_utime + usage.ru_stime]
        else:
            answer = os.fork()
            if answer == 0:
                return request
        print(json.dumps(answer), flush=True)
    return None


def become(request: dict) -> None:
    """Turns this process into the one that was asked for."""
    os.setsid()
    for name, number in (("/dev/null", 0), (request["out"], 1), (request["err"], 2)):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
        os.close(file)
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = ["jaxdl", *request["start"]]
    for name, *values in request["conditions"]:
        getattr(conditions, name)(*values)


def run() -> int:
    """The command; its exit code."""
    from jaxdl.cli import main

    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    preload()
    gc.freeze()  # else each child copies what it only reads
    print("ready", flush=True)
    wanted = serve()
    if wanted is not None:
        become(wanted)
        code = run()
        threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
