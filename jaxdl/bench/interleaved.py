"""One piece of work timed in turns with another's, and the line that says so."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxdl.bench.step_loop import seconds_of

Work = Callable[[], Any]


def compare_times(what: str, ours: Work, other: Work | None, rounds: int, *, whose: str) -> str:
    """Medians of interleaved rounds in ms, and the median of their ratios; `whose` work is other.

    `ours` runs once before, so that compiling is not timed.
    """
    ours()
    pairs = [(seconds_of(ours), seconds_of(other) if other else np.nan) for _ in range(rounds)]
    own = 1e3 * statistics.median(a for a, _ in pairs)
    if other is None:
        return f"{what}: {own:.1f} ms"
    theirs = 1e3 * statistics.median(b for _, b in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    return f"{what}: {own:.1f} ms, {whose} {theirs:.1f} ms: ratio {ratio:.2f}"
