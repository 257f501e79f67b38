"""Which way trials are run: by what their step costs, never by a clock, which would not repeat."""

import os

import jax
import numpy as np

from jaxdl.data.splits.stream import StreamSplit
from jaxdl.models.summary.flops import program_costs
from jaxdl.search.trials import Execution, TrialRunner

# Multiply-adds of the forward and backward pass of one step, up to which a CPU spends more time
# on starting operations than in them: there side by side is several times as fast. Above it the
# batched products and grouped convolutions are slower than those of one network.
CPU_MOST = 2_000_000


def choose_execution(trials: TrialRunner, count: int) -> Execution:
    """How `count` trials are run, all those of a search and not only what is left of it.

    The numbers that a trial ends with differ in rounding between the ways, so the choice follows
    from the config and the kind of device alone. Side by side, in groups that fit the memory
    budget: on an accelerator always, on a CPU where a step is small. Else one after the other, on a
    CPU with resident data in as many threads as there are cores, which changes no number.
    """
    cpu = jax.default_backend() == "cpu"
    if not cpu or multiply_adds(trials) <= CPU_MOST:
        group = equal_groups(count, trials.largest_group())
        if group > 1:
            return Execution(group)
    streamed = isinstance(trials.splits[0], StreamSplit)
    return Execution(0, min(len(os.sched_getaffinity(0)), count) if cpu and not streamed else 1)


def multiply_adds(trials: TrialRunner) -> int:
    """Those of products and convolutions in one update of one trial."""
    chunks = trials.single
    state = jax.eval_shape(trials.task.init, jax.random.key(0))
    args = (state, chunks.zero, chunks.resident, chunks.feed(0, 1), np.int32(1))
    program = jax.make_jaxpr(chunks.parallel.bind(chunks.chunk))(*args)
    return program_costs(program, [None] * len(program.jaxpr.invars)).multiply_adds.total()


def equal_groups(count: int, most: int) -> int:
    """The size of as few groups as hold `count` trials with at most `most` in each."""
    groups = -(-count // max(most, 1))
    return -(-count // groups)
