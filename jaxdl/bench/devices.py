"""What several simulated devices cost: the same global batch on one of them and on all."""

import sys
from collections.abc import Sequence

from jaxdl.bench.worker_pool import in_turn, summarize


def bench_devices(words: Sequence[str], *, devices: int = 8, steps: int = 10, rounds: int) -> str:
    """Times of a config's looped steps; `words` are the config and its flags.

    Each side is a process of its own, and they take turns.
    """
    serve = [sys.executable, "-m", "jaxdl.cli", "bench", "serve", str(steps)]
    sides = {
        f"{count} devices": ["env", f"JAX_NUM_CPU_DEVICES={count}", *serve, str(count), *words]
        for count in (devices, 1)
    }
    _, seen = in_turn(sides, rounds)
    row = summarize(seen, "wall", steps)
    many, one = row["ms"].values()
    low, high = row["range"]
    return (
        f"{devices} devices {many:.2f} ms a step, one {one:.2f} ms: ratio {row['ratio']:.2f} "
        f"({low:.2f} to {high:.2f} in {rounds} rounds of {steps} steps)"
    )
