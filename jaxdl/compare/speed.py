"""How long a step of either side takes, how long until the first one, how much memory."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch

from jaxdl.bench.worker_pool import in_turn, serve, summarize
from jaxdl.compare.sides import TorchSide
from jaxdl.typing import Batch

ROUNDS = 5
SECONDS = 1.0  # of a round of one side
MOST = 200  # steps of a round


def measure_speed(
    words: Sequence[str], theirs: TorchSide, batch: Batch, say: Callable[[str], None]
) -> dict[str, Any]:
    """Milliseconds a step, seconds to the first one and memory of both sides.

    Each is a process of its own, and they take turns; `words` are a config and its flags. Our side
    prepares its batches within the step, torch is given one that is ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "torch.pt"
        parts = {"trainer": theirs.trainer_of, "module": theirs.module, "options": theirs.options}
        torch.save({**parts, "batch": batch}, saved)
        steps = round_length(saved)
        python = [sys.executable, "-m"]
        commands = {
            "jaxdl": [*python, "jaxdl.cli", "bench", "serve", str(steps), "1", *words],
            "torch": [*python, "jaxdl.compare.speed", str(steps), str(saved)],
        }
        firsts, seen = in_turn(commands, ROUNDS)
    row = summarize(seen, "wall", steps)
    own, other = row["ms"]["jaxdl"], row["ms"]["torch"]
    low, high = row["range"]
    say(f"a step {own:.2f} ms, torch's {other:.2f} ms: {row['ratio']:.2f} ({low:.2f}-{high:.2f})")
    rows = len(jax.tree.leaves(batch)[0])
    return {
        **row,
        "first_step_s": firsts,
        "examples_per_s": {side: 1e3 * rows / ms for side, ms in row["ms"].items()},
        "memory_mib": {side: seen[-1][side]["memory"] / 1024 for side in commands},
    }


def round_length(saved: Path) -> int:
    """Steps of torch that take about `SECONDS`."""
    work = torch_work(saved, 1)
    work()
    began = time.perf_counter()
    work()
    return int(np.clip(SECONDS / (time.perf_counter() - began), 2, MOST))


def torch_work(saved: Path, steps: int) -> Callable[[], None]:
    """`work()` trains the saved twin, whose file only `measure_speed` writes."""
    found = torch.load(saved, weights_only=False)
    trainer = found["trainer"](found["module"], **found["options"])

    def work() -> None:
        for _ in range(steps):
            trainer.step(found["batch"], 0, found["options"]["optim"].lr)

    return work


def main() -> None:
    """The process of torch; its arguments: steps of a round, and the saved file."""
    steps, saved = sys.argv[1:]
    serve(lambda: torch_work(Path(saved), int(steps)))


if __name__ == "__main__":
    main()
