"""A process of `jaxdl bench --device`: one side, which does what a line of JSON asks for."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from jaxdl.bench.accelerator.inputs import Work


def main() -> None:
    """Argument: jaxdl or torch. Answers each line of the input by one line of the output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print must not stand among the answers
    makers, works = makers_of(sys.argv[1]), {}
    for line in sys.stdin:
        try:
            answer = do(makers, works, **json.loads(line))
        except Exception as error:  # said to the other process, which goes on
            answer = {"error": f"{type(error).__name__}: {error}"[:600]}
        print(json.dumps(answer), file=answers, flush=True)


def do(
    makers: dict[str, Callable[..., Work]], works: dict[str, Work], do: str, **ask: Any
) -> dict[str, Any]:
    """One answer: `setup` makes and does a work once, `round` times it, `drop` forgets all."""
    if do == "setup":
        began = time.perf_counter()
        work = works[ask["form"]] = makers[ask["make"]](form=ask["form"], **ask["options"])
        work.run()
        return {"first": time.perf_counter() - began, **work.facts}
    if do == "round":
        return {"ms": 1e3 * seconds_a_unit(works[ask["form"]], ask["seconds"])}
    works.clear()
    gc.collect()
    makers["drop"]()
    return {}


def seconds_a_unit(work: Work, least: float) -> float:
    """The mean over so many runs that they take at least `least` seconds."""
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < least:
        work.run()
        count += 1
    return (time.perf_counter() - began) / (count * work.units)


def makers_of(side: str) -> dict[str, Callable[..., Any]]:
    """Name -> what makes that work on this side."""
    if side == "jaxdl":
        from jaxdl.runs.environment import prepare_process

        prepare_process()
        from jaxdl.bench.accelerator.jax_side import MAKERS

        return MAKERS
    from jaxdl.bench.accelerator.torch_side import MAKERS

    return MAKERS


if __name__ == "__main__":
    main()
