"""How fast steps are: the looped chunk against the same step called from Python."""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DivergedError
from jaxdl.data.splits.split import Split
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, as_it_is
from jaxdl.typing import Batch, Key, Pairs

ROUNDS = 5


def loop_against_steps(task: Task, steps: int = 50, rounds: int = ROUNDS) -> str:
    """Milliseconds a step of both ways, and the median of the ratios of interleaved rounds.

    Step by step, each step is one jitted program that gathers its batch, and nothing is fetched in
    between; looped, `steps` of them are one program. One device.
    """
    one_program, single = Looped(task, steps), _single(task, steps)
    for way in (one_program, single):
        way()  # compile
    pairs = [(seconds_of(one_program) / steps, seconds_of(single) / steps) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    low, high = min(a / b for a, b in pairs), max(a / b for a, b in pairs)
    a, b = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
    return (
        f"looped {a:.3f} ms a step, step by step {b:.3f} ms: ratio {ratio:.3f} "
        f"({low:.3f} to {high:.3f} in {rounds} rounds of {steps} steps)"
    )


def seconds_of(work: Callable[[], Any]) -> float:
    """Wall time of one call, until the arrays that it returns are ready."""
    began = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - began


class Looped:
    """A call runs one program of `steps` steps to its end and returns the number of the next one.

    Raises DivergedError where a loss is not finite: the program stops there, so its time says
    nothing. `state` is what the last call left, until the next takes it over.
    """

    def __init__(self, task: Task, steps: int, devices: int = 1) -> None:
        self.steps, parallel = steps, Parallel("auto", devices)
        state = jax.jit(task.init)(jax.random.key(0))
        split = task.splits["train"]
        self.chunks = ChunkRunner(task.step, split, parallel, state, capacity=steps, stop=True)
        self.feed, self.done = self.chunks.feed(0, steps), 0
        self.state = parallel.place(state)
        self.chunks.compile(self.state)

    def __call__(self) -> int:
        sums = self.chunks.fresh_sums()
        self.state, _, mark = self.chunks.advance(self.state, sums, self.feed, self.steps)
        mark = int(np.max(mark))  # waits for it: calls return before the work is done
        self.done += self.steps
        if mark < self.done:
            raise DivergedError(f"bench: a loss is not finite by step {mark}")
        return mark


def dispatch_task(arrays: int = 100) -> Task:
    """A state of so many small arrays and a step that only counts in them."""

    def init(key: Key) -> TrainState:
        params = {f"a{i}": jnp.zeros(8) for i in range(arrays)}
        return TrainState(jnp.int32(0), params, {}, key)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        one = jnp.mean(batch["x"])
        params = jax.tree.map(lambda x: x + one, state.params)
        return state.replace(params=params, step=state.step + 1), {"x": (one, jnp.float32(1))}

    splits = {"train": Split({"x": np.ones((64, 1), np.float32)}, batch_size=8)}
    return Task(splits, init, as_it_is, step)


def _single(task: Task, steps: int) -> Callable[[], Any]:
    split = task.splits["train"]
    step = jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1)

    def one(state: Any, resident: Any, item: Any) -> Any:
        batch = jax.tree.map(lambda x: x[None], dict(split.gather(resident, item)))
        return jax.tree.map(lambda x: x[0], step(state, batch)[0])

    run = jax.jit(one, donate_argnums=0)
    resident = jax.device_put(dict(split.resident()))
    kept = [jax.jit(task.init)(jax.random.key(0))]
    feed = split.feed(0, steps)
    items = [jax.device_put(jax.tree.map(lambda x, i=i: x[i], feed)) for i in range(steps)]

    def work() -> Any:
        for item in itertools.islice(items, steps):
            kept[0] = run(kept[0], resident, item)
        return kept[0].step

    return work
