"""Which way of running trials is fastest here: a few steps of each are timed."""

import os
from collections.abc import Callable

import jax

from jaxdl.data.splits.stream import StreamSplit
from jaxdl.search.trials import Execution, TrialRunner

SECONDS = 0.3  # that a way is timed for
ROUNDS = 3  # of which the fastest counts: the machine may be busy


def choose_execution(
    trials: TrialRunner, count: int, say: Callable[[str], None] = lambda line: None
) -> tuple[Execution, dict[str, float]]:
    """(way, milliseconds a step of every way that was timed) for `count` trials.

    One after the other, in as many threads as there are cores (on a CPU, with resident data), or
    side by side in groups that fit the memory budget; the last only where the work left is worth
    another compilation.
    """
    trials.chunks(0)
    timed = {Execution(): measured(trials, Execution())}
    lanes = 1 if isinstance(trials.splits[0], StreamSplit) else min(threads(), count)
    if lanes > 1:
        timed[Execution(0, lanes)] = measured(trials, Execution(0, lanes))
    group = equal_groups(count, trials.largest_group())
    left = min(timed.values()) * trials.steps * count
    if group > 1 and left > 2 * trials.compile_seconds:
        timed[Execution(group)] = measured(trials, Execution(group))
    way = min(timed, key=lambda w: timed[w])
    shown = {str(w): round(1000 * seconds, 4) for w, seconds in timed.items()}
    say(", ".join(f"{name} {ms:.3g} ms" for name, ms in shown.items()) + " a step of a trial")
    return way, shown


def measured(trials: TrialRunner, way: Execution) -> float:
    """Seconds of a step of a trial that is run this way."""
    trials.time_step(way, 1)  # the first run of a program is no measure of it
    first = trials.time_step(way, 4) * max(way.group, 1)
    steps = max(4, min(int(SECONDS / max(first, 1e-6)), trials.steps))
    return min(trials.time_step(way, steps) for _ in range(ROUNDS))


def threads() -> int:
    """How many programs of a small model a CPU runs at once; elsewhere the device decides."""
    return len(os.sched_getaffinity(0)) if jax.default_backend() == "cpu" else 1


def equal_groups(count: int, most: int) -> int:
    """The size of as few groups as hold `count` trials with at most `most` in each."""
    groups = -(-count // max(most, 1))
    return -(-count // groups)
