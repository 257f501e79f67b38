"""One of several processes that train the toys: `process_worker.py I N PORT FOLDER`."""

import sys
from pathlib import Path

import jax
import numpy as np

from jaxdl.data.source import ArraySource
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from tests.training import toys

LOOP = LoopConfig(steps=12, log_every=4, parallel="shard_map", best="val_loss")


def streamed():
    """The rows of `toys.points`, read as a stream."""
    points = toys.points()
    arrays = {name: points.read(name) for name in points.names}
    return StreamSplit(ArraySource(arrays), points.classes, batch_size=16)


def evaluate(state, split, folder):
    """A number of the state alone, so that the best one is not the last."""
    return {"loss": float(abs(np.asarray(state.params["out"]["bias"])[0] - 0.02))}


TASKS = {
    # Not Adam: it makes much of the rounding in gradients that are zero (a bias before a norm).
    "resident": lambda: toys.classifier(SGD(lr=0.1), evaluate=evaluate),
    "streamed": lambda: toys.classifier(SGD(lr=0.1), split=streamed(), evaluate=evaluate),
    "local": lambda: toys.environment(),
}


def train(name: str, folder: Path, loop: LoopConfig = LOOP) -> tuple[dict, list[dict], int | None]:
    """(the final arrays by path, the rows without seconds, the best step) of a toy."""
    task = TASKS[name]()
    loop = loop if task.evaluate is not None else LoopConfig(steps=12, parallel=loop.parallel)
    done = fit(task, loop, folder / name)
    clock = ("seconds", "examples_per_second")
    rows = [{k: v for k, v in row.items() if k not in clock} for row in done.rows]
    return flatten(done.state), rows, done.best_step


if __name__ == "__main__":
    number, count, port, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    jax.distributed.initialize(f"localhost:{port}", count, number)
    for name in TASKS if count == 2 else ["resident"]:
        arrays, rows, best = train(name, Path(folder) / f"process{number}")
        np.savez(Path(folder) / f"{name}{number}.npz", rows=repr((rows, best)), **arrays)
