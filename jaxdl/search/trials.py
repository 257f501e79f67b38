"""Many trainings of one task by one compiled program: they differ in numbers, seeds and rows only.

Each trial ends in the state that `fit` would have left, to the last bit where it runs by itself and
to rounding where a group runs side by side (`jax.vmap`).
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DivergedError, UsageError
from jaxdl.data.splits.split import Split
from jaxdl.layers.repeated_block import remat
from jaxdl.metrics.accumulate import finish
from jaxdl.runs.errors import explain
from jaxdl.search.paused import PausedTrials
from jaxdl.training.chunk import CHUNK_STEPS, ChunkRunner, steps_within
from jaxdl.training.parallel import Parallel
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

MEMORY = 2_000_000_000  # bytes that a group may take


@dataclass(frozen=True)
class Trial:
    """One training: numbers for `TrainState.hyper`, the seed of `fit`, and which fold's rows."""

    hyper: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    fold: int = 0


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended: its numbers, and the step whose loss or gradient was not finite."""

    numbers: Numbers
    bad_step: int | None = None


@dataclass(frozen=True)
class Execution:
    """How trials are run: `group` of them side by side (0: each by itself), in `lanes` threads."""

    group: int = 0
    lanes: int = 1

    def __str__(self) -> str:
        if self.group:
            return f"{self.group} side by side"
        return "one after the other" + f" in {self.lanes} threads" * (self.lanes > 1)


Measure = Callable[[Trial, TrainState], Numbers]  # of a trial's final state
Done = Callable[[int, TrialResult], None]  # called as each trial ends, with its place


class TrialRunner:
    """The programs that run trials of `task` on one device, `steps` updates each.

    `splits` are the training rows of each fold (default: those of the task). Groups of trials take
    at most `memory` bytes. `paused` keeps what a signal stops.
    """

    def __init__(
        self,
        task: Task,
        loop: LoopConfig,
        *,
        splits: Sequence[Split] = (),
        memory: int = MEMORY,
        paused: PausedTrials | None = None,
    ) -> None:
        if loop.best or loop.patience:
            raise UsageError(
                "loop.best and loop.patience stop runs at steps of their own; trials that share a "
                "program all train to the end: leave them out"
            )
        self.task, self.memory, self.paused = task, memory, paused
        self.splits = list(splits) or [task.splits["train"]]
        self.steps = total_steps(loop, self.splits[0].steps_per_epoch)
        self.last = max(self.steps - (loop.log_every or self.splits[0].steps_per_epoch), 0)
        self.stop = loop.on_nan == "stop"
        self.parallel = Parallel("shard_map", 1)
        self.init, self.started = jax.jit(task.init), {}
        self.single = ChunkRunner(
            remat(task.step) if loop.remat else task.step,
            self.splits[0],
            self.parallel,
            self._first(0),
            capacity=min(CHUNK_STEPS, self.steps),
        )
        self.compiled: dict[int, ChunkRunner] = {}
        self.halt = threading.Event()

    @property
    def hyper(self) -> dict[str, float]:
        """The numbers that a trial may change, with the task's own values."""
        return {name: float(value) for name, value in self._first(0).hyper.items()}

    @property
    def compile_seconds(self) -> float:
        """What compiling has taken so far."""
        return sum(chunks.compile_seconds for chunks in self.compiled.values())

    @property
    def halting(self) -> bool:
        """Whether trials are to end with their chunk: a lane has failed, or a signal has come."""
        signaled = self.paused is not None and self.paused.signum is not None
        return signaled or self.halt.is_set()

    def run(
        self,
        way: Execution,
        trials: Sequence[Trial],
        measure: Measure,
        done: Done,
        *,
        ended: Collection[int] = (),
    ) -> None:
        """Trains the trials, and calls `done` with the place and outcome of each as it ends.

        Those whose places have `ended` before are not measured again. Groups are formed of all
        trials, with these, so that a run that goes on trains them as one that was never stopped.
        Raises Stopped after a signal, when the states under way are saved, where there is `paused`.
        """
        groups = [g for g in grouped(trials, way.group) if not set(g) <= set(ended)]

        def work(places: list[int]) -> None:
            outcomes = self._train(way, trials, places, ended, measure)
            for place, outcome in outcomes.items():
                done(place, outcome)

        try:
            with self.pausing():
                if groups:
                    self.chunks(way.group)
                self._spread(work, groups, way.lanes)
        except (jax.errors.JaxRuntimeError, MemoryError) as error:
            raise explain(error, f"with trials {way}") from error

    def trace(self, trial: Trial, every: int) -> Iterator[tuple[TrainState, Numbers]]:
        """One trial by itself: state and mean metrics at the end of each `every` steps.

        It ends early, with a loss of infinity, where that is not finite. A state lives until the
        next one is asked for.
        """
        split = self.splits[trial.fold]
        chunks, state, sums = self.ready(trial)
        for start in range(0, self.steps, every):
            stop = min(start + every, self.steps)
            state, sums, _ = self.advance(chunks, state, chunks.fresh_sums(), start, stop, split)
            sums = jax.device_get(sums)
            numbers: Numbers = {"step": stop, **finish(sums["pairs"])}
            if sums["bad_step"] >= 0:
                yield self.task.refresh(state), {**numbers, "loss": float("inf")}
                return
            yield self.task.refresh(state), numbers

    def largest_group(self) -> int:
        """How many trials side by side fit the memory budget, by what one takes."""
        used = self.chunks(0).program.memory_analysis()
        state = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(self._first(0)))
        return max(int(self.memory // (2 * state + used.temp_size_in_bytes)), 1)

    def _spread(
        self, work: Callable[[list[int]], None], groups: list[list[int]], lanes: int
    ) -> None:
        """Has every group worked on, in so many threads."""
        if lanes == 1:
            for places in groups:
                work(places)
            return
        with ThreadPoolExecutor(lanes) as pool:
            try:
                for waited in [pool.submit(work, places) for places in groups]:
                    waited.result()
            except BaseException:  # also a signal: the other lanes end with their chunk
                self.halt.set()
                raise

    def _train(
        self,
        way: Execution,
        trials: Sequence[Trial],
        places: Sequence[int],
        ended: Collection[int],
        measure: Measure,
    ) -> dict[int, TrialResult]:
        """The outcomes of a group, all of one fold, by place, but of those that had `ended`."""
        group = [trials[i] for i in places]
        padded = group + group[-1:] * (max(way.group, 1) - len(group))
        states = self._go(padded if way.group else group[0], self.splits[group[0].fold])
        if states is None:
            return {}
        state, sums = states
        outcomes = {}
        for i, (place, trial) in enumerate(zip(places, group, strict=True)):
            if place not in ended:
                end, its_sums = _part(i, state, sums) if way.group else (state, sums)
                outcomes[place] = self._outcome(trial, end, jax.device_get(its_sums), measure)
        return outcomes

    def _outcome(self, trial: Trial, state: TrainState, sums: Any, measure: Measure) -> TrialResult:
        bad = int(sums["bad_step"])
        if bad >= 0 and self.stop:
            return TrialResult({}, bad)
        numbers = {f"train_{name}": value for name, value in finish(sums["pairs"]).items()}
        try:
            numbers |= measure(trial, self.task.refresh(self.parallel.read(state)))
        except DivergedError:
            return TrialResult(numbers, self.steps)
        finite = all(np.isfinite(value) for value in numbers.values())
        return TrialResult(numbers, None if finite else self.steps)

    def _go(self, trials: Trial | list[Trial], split: Split) -> Any:
        """(final state, sums of the last interval) of one trial or a stacked group of them.

        None where they are to end with their chunk: what was under way is kept in `paused`.
        """
        if self.halting:
            return None
        chunks, state, sums, step = self.take_up(trials)
        for stop in (self.last, self.steps):
            if step == self.last:
                sums = chunks.fresh_sums(after=sums)
            state, sums, step = self.advance(chunks, state, sums, step, stop, split)
        if self.halting:
            self.keep_stopped(trials, state, sums, step)
            return None
        return state, sums

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """While it is open, signals end trials with their chunk; at its end they raise Stopped."""
        with self.paused or nullcontext():
            yield
            if self.paused:
                self.paused.settle()

    def keep_stopped(
        self, trials: Trial | list[Trial], state: TrainState, sums: Any, step: int
    ) -> None:
        """Keeps a trial or a group that a signal stopped at `step`, for `take_up`."""
        if self.paused and self.paused.signum:
            self.paused.save(self._who(trials), self.parallel.read(state), sums, step)

    def advance(
        self,
        chunks: ChunkRunner,
        state: Any,
        sums: Any,
        start: int,
        stop: int,
        split: Split | None = None,
    ) -> tuple[Any, Any, int]:
        """(state, sums, step) after the steps `start` to `stop`, or up to where all have diverged
        or a signal came."""
        quota, step = 1, start
        while step < stop and not self.halting:
            if self.stop and (np.asarray(sums["bad_step"]) >= 0).all():
                break
            count = min(stop - step, chunks.capacity, quota)
            feed = chunks.feed(step, count, split)
            began = time.perf_counter()
            state, sums, mark = chunks.advance(state, sums, feed, count)
            jax.block_until_ready(mark)
            step += count
            quota = steps_within((time.perf_counter() - began) / count)
        return state, sums, step

    def take_up(self, trials: Trial | list[Trial]) -> tuple[ChunkRunner, TrainState, Any, int]:
        """(compiled chunks, state, sums, step) where a trial or a group begins or goes on."""
        chunks, state, sums = self.ready(trials)
        kept = self.paused and self.paused.take_up(self._who(trials), state, sums)
        if not kept:
            return chunks, state, sums, 0
        state, sums, step = kept
        return chunks, self.parallel.place(state), self.parallel.place_all(sums), step

    def _who(self, trials: Trial | list[Trial]) -> list[Any]:
        """By what a stopped group is found again: its trials, side by side or not, and length."""
        group = [trials] if isinstance(trials, Trial) else trials
        each = [[dict(trial.hyper), trial.seed, trial.fold] for trial in group]
        return [each, isinstance(trials, list), self.steps]

    def ready(self, trials: Trial | list[Trial]) -> tuple[ChunkRunner, TrainState, Any]:
        """(compiled chunks, state, sums) to start from, of one trial or a group."""
        if isinstance(trials, Trial):
            chunks, state = self.chunks(0), self._start(trials)
        else:
            states = [self._start(trial) for trial in trials]
            state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
            chunks = self.chunks(len(trials))
        return chunks, self.parallel.place(state), chunks.fresh_sums()

    def _first(self, seed: int) -> TrainState:
        if seed not in self.started:
            self.started[seed] = self.init(jax.random.key(seed))
        return self.started[seed]

    def _start(self, trial: Trial) -> TrainState:
        state = self._first(trial.seed)
        given = {k: jnp.asarray(v, state.hyper[k].dtype) for k, v in trial.hyper.items()}
        return state.replace(hyper={**state.hyper, **given})

    def chunks(self, group: int = 0) -> ChunkRunner:
        """The compiled chunks of one trial (0), or of a group side by side."""
        if group not in self.compiled:
            chunks, state = self.single, self._first(0)
            if group:
                chunks = chunks.side_by_side(group)
                state = jax.eval_shape(
                    lambda s: jax.tree.map(lambda x: jnp.stack([x] * group), s), state
                )
            chunks.compile(state)
            self.compiled[group] = chunks
        return self.compiled[group]


def accuracy_on(task: Task, state: TrainState, role: str) -> float:
    """The accuracy of a classifier's evaluation on its split `role`, without pictures."""
    return task.measure(state, task.splits[role])["accuracy"]


def grouped(trials: Sequence[Trial], group: int) -> list[list[int]]:
    """Places of the trials in groups of at most `group` (0: one each), each of one fold."""
    size = max(group, 1)
    groups = []
    for fold in sorted({trial.fold for trial in trials}):
        places = [i for i, trial in enumerate(trials) if trial.fold == fold]
        groups += [places[i : i + size] for i in range(0, len(places), size)]
    return groups


def _part(i: int, *trees: Any) -> list[Any]:
    return [jax.tree.map(lambda x: x[i], tree) for tree in trees]
