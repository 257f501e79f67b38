"""Many runs of one task in one process: one program, other numbers in the state."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.metrics.accumulate import finish
from jaxdl.training.chunk import make_chunk, zero_sums
from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers


class Trials:
    """Trains `task` for `steps` on one device as often as it is called; it compiles once.

    No files, no evaluation on the way: for tables of settings that differ in `hyper` or seed.
    """

    def __init__(self, task: Task, steps: int, *, log_every: int = 0) -> None:
        self.task, self.steps, self.log_every = task, steps, log_every or steps
        self.split = task.splits["train"]
        self.parallel = Parallel("shard_map", 1)
        self.init = jax.jit(task.init)
        self.resident: Any = self.parallel.place_all(self.split.resident())
        self.zero = zero_sums(task, self.parallel, jax.eval_shape(task.init, jax.random.key(0)))
        self.program: Callable[..., Any] = self.parallel.bind(
            make_chunk(task.step, self.split.gather, stop=True)
        )

    def __call__(self, *, seed: int = 0, **hyper: float) -> tuple[TrainState, list[Numbers]]:
        """The last state and a row of metrics an interval; `hyper` are numbers like `lr`.

        A run whose loss is not finite ends there: its last row has a loss of infinity.
        """
        rows: list[Numbers] = []
        state = self.start(seed, hyper)
        for step in range(0, self.steps, self.log_every):
            state, row = self.advance(state, step)
            rows.append(row)
            if row["loss"] == float("inf"):
                break
        return self.task.refresh(state), rows

    def states(self, *, seed: int = 0, **hyper: float) -> list[TrainState]:
        """The state at the end of each interval."""
        state, found = self.start(seed, hyper), []
        for step in range(0, self.steps, self.log_every):
            state, _ = self.advance(state, step)
            found.append(jax.tree.map(jnp.copy, state))
        return [self.task.refresh(state) for state in found]

    def start(self, seed: int, hyper: Mapping[str, float]) -> TrainState:
        """A fresh state with these numbers."""
        state = self.init(jax.random.key(seed))
        given = {name: np.float32(value) for name, value in hyper.items()}
        return self.parallel.place(state.replace(hyper={**state.hyper, **given}))

    def advance(self, state: TrainState, step: int) -> tuple[TrainState, Numbers]:
        """The state an interval after `step`, and the row of its metrics."""
        count = min(self.log_every, self.steps - step)
        feed, pad = self.split.feed(step, step + count), self.log_every - count
        feed = jax.tree.map(lambda x: np.concatenate([x, x[:1].repeat(pad, 0)]), feed)
        sums = self.parallel.place_all(self.zero)
        feed = self.parallel.place_feed(feed)
        state, sums, _ = self.program(state, sums, self.resident, feed, np.int32(count))
        sums = jax.device_get(sums)
        row: Numbers = {"step": step + count, **finish(sums["pairs"])}
        return state, row if sums["bad_step"] < 0 else {**row, "loss": float("inf")}


def measure(task: Task, state: TrainState, role: str) -> Numbers:
    """The numbers of `task`'s evaluation on its split `role`, without pictures."""
    if task.evaluate is None:
        raise UsageError("measure: the task has no evaluation")
    return task.evaluate(state, task.splits[role], None)
