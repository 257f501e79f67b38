"""The only training loop: chunks of steps as one program each, on one device or many."""

import signal
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DivergedError, JaxdlError
from jaxdl.config import read_toml
from jaxdl.metrics.accumulate import finish
from jaxdl.runs.best_checkpoint import BestCheckpoint
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.errors import explain
from jaxdl.runs.lock import hold
from jaxdl.runs.metrics_log import MetricsLog
from jaxdl.runs.signals import Signals
from jaxdl.training.chunk import ChunkRunner, steps_within
from jaxdl.training.parallel import Parallel
from jaxdl.training.plan import LoopConfig, make_plan
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.training.tensorboard_summaries import write_start, write_weights
from jaxdl.typing import Numbers

PICTURE_SECONDS = 30.0  # between the pictures of evaluations


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

    def __init__(self, step: int, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; saved at step {step}")
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
        self.began = time.perf_counter()
        self.drawn = -PICTURE_SECONDS
        self.task, self.loop, self.seed = task, loop, seed
        self.split = task.splits["train"]
        has_val = "val" in task.splits and task.evaluate is not None
        self.plan = make_plan(loop, self.split.steps_per_epoch, has_val)
        self.parallel = Parallel(loop.parallel, loop.devices)
        self.parallel.check_batch(self.split.batch_size)
        self.record = MetricsLog(run_dir, self.plan.steps, self.split.batch_size)
        self.signals = Signals(self.record.say)
        self.seconds = {"total": 0.0, "compile": 0.0, "train": 0.0}
        self.step, self.saved, self.skipped = 0, -1, 0
        self.resume = resume
        self.chunks: ChunkRunner | None = None

    def go(self) -> FitResult:
        """Starts or resumes, trains to the end of the plan, and closes what it opened."""
        with hold(self.record.dir), self.record, self.signals:
            try:
                self._start()
                self._train()
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                raise explain(error, self._needs()) from error
            finally:
                self.split.close()
        return FitResult(
            state=self.best.restore(self.parallel.read(self.state)),
            steps=self.step,
            seconds=self._seconds(),
            examples_per_second=self.record.rate(),
            devices=self.parallel.count,
            seed=self.seed,
            rows=self.record.rows,
            best_step=self.best.step,
            skipped=self.skipped,
        )

    def _start(self) -> None:
        self.record.say("preparing")
        self._open_checkpoints()
        state = jax.jit(self.task.init)(jax.random.key(self.seed))
        self.chunks = ChunkRunner(
            self.task.step,
            self.split,
            self.parallel,
            state,
            capacity=min(self.plan.log_every, self.plan.steps),
            stop=self.loop.on_nan == "stop",
        )
        sums = self.chunks.zero
        if self.resume and self.checkpoints.steps():
            hyper = state.hyper
            state, self.step, host = self.checkpoints.restore(state)
            state = state.replace(hyper=hyper)  # the config's numbers hold, as it may have changed
            sums = self._take_up(host)
            self.record.say(f"resumed at step {self.step}")
        self.record.start(self.step)
        if self.loop.histograms:
            self.record.inspect(partial(write_start, task=self.task))
        self.best.resume(self.record.rows, self.step)
        self.state = self.parallel.place(state)
        self.sums = self.parallel.place_all(sums)
        if self.step < self.plan.steps:
            self._compile()

    def _open_checkpoints(self) -> None:
        folder, fresh = self.record.dir, not self.resume
        path = folder / "config.toml"
        config = read_toml(path) if path.exists() else None
        self.checkpoints = Checkpoints(folder / "checkpoints", fresh=fresh, config=config)
        self.best = BestCheckpoint(folder / "best", self.loop.best, fresh=fresh, config=config)
        left = ", ".join(path.name for path in self.checkpoints.clean())
        if left:
            self.record.say(f"left by a run that was killed, cleaned up: {left}")

    def _take_up(self, host: dict[str, Any]) -> Any:
        """What a checkpoint says beside the state; returns the sums of its open interval."""
        self.saved, self.skipped = self.step, host["skipped"]
        self.seconds = {k: v + host["seconds"].get(k, 0.0) for k, v in self.seconds.items()}
        leaves = [np.asarray(x, np.float32) for x in host["sums"]]
        pairs = jax.tree.unflatten(jax.tree.structure(self.chunks.zero["pairs"]), leaves)
        return self.chunks.zero | {"pairs": pairs, "bad": np.int32(host["bad"])}

    def _compile(self) -> None:
        self.record.say("compiling")
        self.chunks.compile(self.state, self.step)
        self.seconds["compile"] += self.chunks.compile_seconds

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
        self.began_steps = self.clock
        while not self._done():
            boundary = min(
                -(-(self.step + 1) // self.plan.log_every) * self.plan.log_every, self.plan.steps
            )
            count = min(boundary - self.step, self.chunks.capacity, quota)
            feed = self.chunks.feed(self.step, count)
            self.state, self.sums, mark = self.chunks.advance(self.state, self.sums, feed, count)
            self.step += count
            marks.append((mark, count))
            if self.step == boundary:
                logs.append((self.step, self.sums))
                # The mark of a bad step outlives the row, so that no later chunk moves past it.
                self.sums = self.chunks.fresh_sums(after=self.sums)
            halt = self._pausing()
            while len(marks) > (0 if halt else 1):
                quota = self._wait(*marks.popleft())
            while len(logs) > (0 if halt else 1):
                self._log(*logs.popleft())
            if halt:
                self._pause()
        self.record.flush()

    def _done(self) -> bool:
        patient = not self.loop.patience or self.best.since < self.loop.patience
        return self.step >= self.plan.steps or not patient

    def _wait(self, mark: Any, count: int) -> int:
        jax.block_until_ready(mark)
        now = time.perf_counter()
        self.seconds["train"] += now - self.clock
        seconds, self.clock = (now - self.clock) / count, now
        self.record.progress(self.step, count, seconds * count)
        return steps_within(seconds)

    def _pausing(self) -> bool:
        at = [self.plan.save_every, self.plan.eval_every]
        due = any(n and self.step % n == 0 for n in at) or self.step == self.plan.steps
        return due or self.signals.signum is not None

    def _pause(self) -> None:
        """Evaluation, checkpoint and signals, with nothing under way on the devices."""
        self._check_open_interval()
        logged = self.step % self.plan.log_every == 0 or self.step == self.plan.steps
        if logged and self.plan.eval_every and self.step % self.plan.eval_every == 0:
            self._evaluate()
        self.record.flush()
        signum = self.signals.signum
        if self._done():
            self._settle()
        if self.step % self.plan.save_every == 0 or signum or self._done():
            self._save(jax.device_get(self.parallel.read_all(self.sums)))
            self.best.drop_needless(self.checkpoints.steps())
        if signum:
            raise Stopped(self.step, signum)
        self.clock = time.perf_counter()

    def _check_open_interval(self) -> None:
        # A signal may come between two rows: what the open interval has seen must be looked at too.
        sums = jax.device_get(self.parallel.read_all(self.sums))
        self._check_finite(sums)

    def _log(self, step: int, sums: Any) -> None:
        sums = jax.device_get(self.parallel.read_all(sums))
        self._check_finite(sums)
        row = finish(sums["pairs"])
        if self.task.rate is not None:
            row["lr"] = self.task.rate(step - 1)
        if sums["bad"]:
            self.skipped += int(sums["bad"])
            row["skipped"] = float(sums["bad"])
        self.record.add(step, row, self.seconds["train"])

    def _check_finite(self, sums: Any) -> None:
        bad = int(sums["bad_step"])
        if bad < 0 or self.loop.on_nan == "skip":
            return
        self.step, self.saved = bad, -1
        self.state = self.state.replace(step=self.state.step - 1)  # the bad step counted itself
        self.record.flush()
        try:
            self._save(sums)
            kept = "the state before it is saved"
        except DivergedError as error:
            kept = str(error)
        seen = finish(sums["bad_pairs"])
        if self.task.rate is not None:
            seen["learning rate"] = self.task.rate(bad)
        shown = ", ".join(f"{name} {value:.3g}" for name, value in seen.items())
        raise DivergedError(
            f"the loss or a gradient is not finite at step {bad} ({shown}); {kept}. "
            f"Its batch ({self._keep_batch(bad)}; lower optim.lr, set optim.clip_norm, or "
            "loop.on_nan=skip"
        )

    def _keep_batch(self, step: int) -> str:
        rows = self.split.rows(step, step + 1)[0]
        batch = self.split.batch(rows)
        path = self.record.debug_batch(step, {**batch, "rows": rows})
        return f"rows {', '.join(map(str, rows[:8]))}{', ...' * (len(rows) > 8)}) is in {path}"

    def _evaluate(self) -> None:
        assert self.task.evaluate is not None, "the plan evaluates only where it can"
        self.record.say("evaluating")
        state = self._shown()
        now, folder = time.perf_counter(), None
        if now - self.drawn >= PICTURE_SECONDS:  # drawing takes longer than small sets' epochs
            folder, self.drawn = self.record.dir / "pictures" / f"{self.step:08d}", now
        numbers = self.task.evaluate(state, self.task.splits["val"], folder)
        row = self.record.join(self.step, {f"val_{k}": v for k, v in numbers.items()})
        if self.best.note(row):
            self.best.save(state)

    def _shown(self) -> TrainState:
        return self.task.refresh(self.parallel.read(self.state))

    def _settle(self) -> None:
        """The end: what evaluation sees is what is kept."""
        state = self.parallel.read(self.state)
        shown = self.task.refresh(state)
        if shown is not state:
            self.state = self.parallel.place(shown)

    def _save(self, sums: Any) -> None:
        if self.step == self.saved:
            return
        leaves = [float(x) for x in jax.tree.leaves(sums["pairs"])]
        host = {
            "seconds": self._seconds(),
            "skipped": self.skipped,
            "sums": leaves,
            "bad": int(sums["bad"]) * (self.loop.on_nan == "skip"),  # else it is taken again
        }
        state = self.parallel.read(self.state)
        self.checkpoints.save(self.step, state, host)
        self.saved = self.step
        if self.loop.histograms:
            self.record.inspect(partial(write_weights, step=self.step, state=state))

    def _seconds(self) -> dict[str, float]:
        now = time.perf_counter()
        return self.seconds | {"total": self.seconds["total"] + now - self.began}
