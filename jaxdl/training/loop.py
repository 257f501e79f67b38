"""The only training loop: chunks of steps as one program each, on one device or many."""

import signal
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax

from jaxdl.checks import JaxdlError
from jaxdl.config import read_toml
from jaxdl.layers.repeated_block import remat
from jaxdl.metrics.accumulate import finish
from jaxdl.models.summary.overview import overview
from jaxdl.runs.agreement import agree, plain_of_first, state_of_first
from jaxdl.runs.best_checkpoint import BestCheckpoint
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.errors import explain
from jaxdl.runs.lock import check_held, hold
from jaxdl.runs.metrics_log import MetricsLog
from jaxdl.runs.processes import is_first, watched
from jaxdl.runs.progress import Progress
from jaxdl.runs.resume import check_progress
from jaxdl.runs.run_folder import say_continuation
from jaxdl.runs.signals import Signals
from jaxdl.training.chunk import ChunkRunner, steps_within
from jaxdl.training.divergence import divergence_error
from jaxdl.training.fully_sharded import make_parallel
from jaxdl.training.plan import LoopConfig, make_plan
from jaxdl.training.state import TrainState
from jaxdl.training.tally import Tally
from jaxdl.training.task import Task
from jaxdl.training.tensorboard_summaries import write_start, write_weights
from jaxdl.training.validation import Validation
from jaxdl.typing import Numbers


@dataclass
class FitResult:
    """What a run of the loop ends with; seconds and steps add up over resumed parts."""

    state: TrainState
    steps: int
    seconds: dict[str, float]
    examples_per_second: float
    devices: int
    seed: int
    rows: list[Numbers] = field(default_factory=list)
    best_step: int | None = None
    skipped: int = 0


class Stopped(JaxdlError):
    """A signal ended the run after its state was saved."""

    def __init__(self, signum: int, saved: str) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; {saved}")
        self.code = 128 + signum


def fit(
    task: Task, loop: LoopConfig, run_dir: Path, *, seed: int = 0, resume: bool = False
) -> FitResult:
    """Trains `task` as `loop` says and leaves metrics and checkpoints in `run_dir`.

    With `resume` it goes on from the newest checkpoint of `run_dir` that verifies, to the state
    that an uninterrupted run would have, bit for bit on the same kind and number of devices.
    Raises DivergedError at a step that is not finite (`on_nan="stop"`), Stopped after SIGTERM or
    SIGINT, when the state is saved.
    """
    return FitLoop(task, loop, run_dir, seed, resume).go()


class FitLoop:
    """One call of `fit`: the state on the devices and the bookkeeping around it."""

    def __init__(self, task: Task, loop: LoopConfig, run_dir: Path, seed: int, resume: bool):
        self.tally = Tally()
        self.task, self.loop, self.seed, self.resume = task, loop, seed, resume
        self.parallel = make_parallel(loop)
        self.split = self.parallel.own_part(task.splits["train"])
        has_val = "val" in task.splits and task.evaluate is not None
        self.plan = make_plan(loop, self.split.steps_per_epoch, has_val)
        self.log = MetricsLog(run_dir)
        self.progress = Progress(self.plan.steps, self.split.batch_size)
        self.signals = Signals(self.progress.say)
        self.step, self.saved, self.warned = 0, -1, False
        self.chunks: ChunkRunner | None = None

    def go(self) -> FitResult:
        """Starts or resumes, trains to the end of the plan, and closes what it opened."""
        say_continuation()
        watch = watched(Signals.farewell)
        with hold(self.log.dir), self.progress, self.log, self.signals, watch:
            try:
                self._start()
                self._train()
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                raise explain(error, self._needs()) from error
            finally:
                self.split.close()
        return FitResult(
            state=self._outcome(),
            steps=self.step,
            seconds=self.tally.seconds(),
            examples_per_second=self.progress.rate(),
            devices=self.parallel.count,
            seed=self.seed,
            rows=self.log.rows,
            best_step=self.best.step,
            skipped=self.tally.skipped,
        )

    def _outcome(self) -> TrainState:
        """The last state, or the best one: placed as a trained one, as what measures it expects."""
        last = self.parallel.read(self.state)
        best = self.best.restore(last)
        return last if best is last else self.parallel.read(self.parallel.place(best))

    def _start(self) -> None:
        self.progress.say("preparing")
        self._open_checkpoints()
        state = jax.jit(self.task.init)(jax.random.key(self.seed))
        splits, params, count = self.task.splits, state.params, self.parallel.count
        self.progress.keep(overview(self.log.dir, splits, params, count))
        self.chunks = self._make_chunks(state)
        state, sums = self._resume(state)
        self.log.start(self.step)
        self.log.rows = plain_of_first(self.log.rows)
        if self.loop.tensorboard_histograms:
            self.log.inspect(partial(write_start, task=self.task))
        self.best.resume(self.log.rows, self.step)
        self.state = self.parallel.place(state)
        self.sums = self.parallel.place_all(sums)
        if self.step < self.plan.steps:
            self.progress.say("compiling")
            self.chunks.compile(self.state, self.step)
            self.tally.spent["compile"] += self.chunks.compile_seconds

    def _open_checkpoints(self) -> None:
        folder, fresh = self.log.dir, not self.resume
        path = folder / "config.toml"
        config = read_toml(path) if path.exists() else None
        self.checkpoints = Checkpoints(folder / "checkpoints", fresh=fresh, config=config)
        self.best = BestCheckpoint(folder / "best", self.loop.best, fresh=fresh, config=config)
        self.validation = Validation(self.task, self.log, self.progress, self.best)
        lost = check_progress(folder, self.plan.save_every) if self.resume else ""
        if lost:
            self.progress.say(lost)
        left = ", ".join(path.name for path in self.checkpoints.clean())
        if left:
            self.progress.say(f"left by a run that was killed, cleaned up: {left}")

    def _make_chunks(self, state: TrainState) -> ChunkRunner:
        return ChunkRunner(
            remat(self.task.step) if self.loop.remat else self.task.step,
            self.split,
            self.parallel,
            state,
            capacity=min(self.plan.log_every, self.plan.steps),
            stop=self.loop.on_nan == "stop",
        )

    def _resume(self, state: TrainState) -> tuple[TrainState, Any]:
        """The state to go on from, and the sums of its open log interval."""
        if not plain_of_first(self.resume and bool(self.checkpoints.steps())):
            return state, self.chunks.zero
        hyper, host = state.hyper, {}
        if is_first():
            state, self.step, host = self.checkpoints.restore(state)
        state, (self.step, host) = state_of_first(state), plain_of_first((self.step, host))
        self.saved = self.step
        self.progress.say(f"resumed at step {self.step}")
        # The config's numbers hold, as it may have changed.
        return state.replace(hyper=hyper), self.tally.take_up(host, self.chunks.zero)

    def _needs(self) -> str:
        state = jax.eval_shape(self.task.init, jax.random.key(0))
        sizes = {"the state": sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state))}
        sizes["the data"] = sum(x.nbytes for x in self.split.resident().values())
        if self.chunks is not None and self.chunks.program is not None:
            sizes["a step"] = self.chunks.program.memory_analysis().temp_size_in_bytes
        shown = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in sizes.items())
        return f"at batch size {self.split.batch_size} ({shown} on each device)"

    def _train(self) -> None:
        marks: deque[tuple[Any, int]] = deque()
        logs: deque[tuple[int, Any]] = deque()
        quota, self.clock = 1, time.perf_counter()
        while not self._done():
            boundary = self._next_row()
            marks.append(self._advance(min(boundary - self.step, self.chunks.capacity, quota)))
            if self.step == boundary:
                logs.append((self.step, self.sums))
                # The mark of a bad step outlives the row, so that no later chunk moves past it.
                self.sums = self.chunks.fresh_sums(after=self.sums)
            while self.parallel.several and marks:  # no chunk is under way while they agree
                quota = self._wait(*marks.popleft())
            quota, signum = agree(quota, self.signals.signum)
            halt = self._pausing(signum)
            while len(marks) > (0 if halt else 1):
                quota = self._wait(*marks.popleft())
            while len(logs) > (0 if halt else 1):
                self._log_row(*logs.popleft())
            if halt:
                self._pause()
        self.log.flush()

    def _done(self) -> bool:
        patient = not self.loop.patience or self.best.since < self.loop.patience
        return self.step >= self.plan.steps or not patient

    def _next_row(self) -> int:
        """The step at which the next row of the log is due."""
        every = self.plan.log_every
        return min((self.step // every + 1) * every, self.plan.steps)

    def _advance(self, count: int) -> tuple[Any, int]:
        """Starts a chunk of `count` steps; gives what waits for its end."""
        feed = self.chunks.feed(self.step, count)
        self.state, self.sums, mark = self.chunks.advance(self.state, self.sums, feed, count)
        self.step += count
        return mark, count

    def _wait(self, mark: Any, count: int) -> int:
        """Waits for a chunk of `count` steps; how long a chunk should be, by its time."""
        jax.block_until_ready(mark)
        now = time.perf_counter()
        seconds, self.clock = now - self.clock, now
        self.tally.spent["train"] += seconds
        self.progress.advance(self.step, count, seconds, self.log.last_row())
        return steps_within(seconds / count)

    def _pausing(self, signum: int | None) -> bool:
        at = [self.plan.save_every, self.plan.eval_every]
        due = any(n and self.step % n == 0 for n in at) or self.step == self.plan.steps
        return due or signum is not None

    def _pause(self) -> None:
        """Evaluation, checkpoint and signals, with nothing under way on the devices."""
        check_held(self.log.dir)
        # A signal may come between two rows: what the open interval has seen must be looked at too.
        self._check_finite(self._fetch(self.sums))
        logged = self.step % self.plan.log_every == 0 or self.step == self.plan.steps
        if logged and self.plan.eval_every and self.step % self.plan.eval_every == 0:
            self.validation.evaluate(self.step, self.parallel.read(self.state))
        self.log.flush()
        _, signum = agree(0, self.signals.signum)
        if self._done():
            self._settle()
        if self.step % self.plan.save_every == 0 or signum or self._done():
            self._save(self._fetch(self.sums))
            self.best.drop_needless(self.checkpoints.steps())
        if signum:
            raise Stopped(signum, f"saved at step {self.step}")
        self.clock = time.perf_counter()

    def _fetch(self, sums: Any) -> Any:
        return jax.device_get(self.parallel.read_all(sums))

    def _log_row(self, step: int, sums: Any) -> None:
        sums = self._fetch(sums)
        self._check_finite(sums)
        row = finish(sums["pairs"])
        if self.task.rate is not None:
            row["lr"] = self.task.rate(step - 1)
        if sums["bad"]:
            self.tally.skipped += int(sums["bad"])
            row["skipped"] = float(sums["bad"])
        row["seconds"] = round(self.tally.spent["train"], 3)
        row["examples_per_second"] = self.progress.rate()
        self.log.add(step, row)
        self.progress.show(step, row)
        warning = "" if self.warned else self.task.warning(row)
        if warning:
            self.warned = True
            self.progress.keep(f"step {step}: {warning}")

    def _check_finite(self, sums: Any) -> None:
        step = int(sums["bad_step"])
        if step < 0 or self.loop.on_nan == "skip":
            return
        self.step, self.saved = step, -1
        self.state = self.state.replace(step=self.state.step - 1)  # the bad step counted itself
        raise divergence_error(self.task, sums, self.log, partial(self._save, sums))

    def _settle(self) -> None:
        """The end: what evaluation sees is what is kept."""
        state = self.parallel.read(self.state)
        refreshed = self.task.refresh(state)
        if refreshed is not state:
            self.state = self.parallel.place(refreshed)

    def _save(self, sums: Any) -> None:
        if self.step == self.saved:
            return
        host = self.tally.to_host(sums, keep_bad=self.loop.on_nan == "skip")
        state = self.parallel.read(self.state)
        self.saved = self.step
        if not is_first():
            return
        self.checkpoints.save(self.step, state, host)
        if self.loop.tensorboard_histograms:
            self.log.inspect(partial(write_weights, step=self.step, state=state))
