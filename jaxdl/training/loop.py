"""The only training loop: chunks of steps as one program each, on one device or many."""

import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DeviceMemoryError, DivergedError, JaxdlError, UsageError
from jaxdl.metrics.accumulate import finish
from jaxdl.training.checkpoint import Checkpoints
from jaxdl.training.chunk import make_chunk, zero_sums
from jaxdl.training.parallel import Parallel
from jaxdl.training.plan import LoopConfig, make_plan
from jaxdl.training.record import Record
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

CHUNK_SECONDS = 2.0  # two chunks may be under way when a signal comes
CHUNK_STEPS = 1024  # bounds what one feed holds


@dataclass
class Fit:
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


def fit(task: Task, loop: LoopConfig, run_dir: Path, *, seed: int = 0, resume: bool = False) -> Fit:
    """Trains `task` as `loop` says and leaves metrics and checkpoints in `run_dir`.

    With `resume` it goes on from the newest checkpoint of `run_dir` that verifies, to the state
    that an uninterrupted run would have, bit for bit on the same kind and number of devices.
    Raises DivergedError at a step that is not finite (`on_nan="stop"`), Stopped after SIGTERM or
    SIGINT, when the state is saved.
    """
    return _Run(task, loop, run_dir, seed, resume).go()


class _Run:
    """One call of `fit`: the state on the devices and the bookkeeping around it."""

    def __init__(self, task: Task, loop: LoopConfig, run_dir: Path, seed: int, resume: bool):
        self.began = time.perf_counter()
        self.task, self.loop, self.seed = task, loop, seed
        self.split = task.splits["train"]
        has_val = "val" in task.splits and task.evaluate is not None
        self.plan = make_plan(loop, self.split.steps_per_epoch, has_val)
        self.parallel = Parallel(loop.parallel, loop.devices)
        self.parallel.check_batch(self.split.batch_size)
        self.record = Record(run_dir, self.plan.steps, self.split.batch_size)
        self.checkpoints = Checkpoints(run_dir / "checkpoints", fresh=not resume)
        self.keep_best = Checkpoints(run_dir / "best", keep=1, fresh=not resume)
        self.seconds = {"total": 0.0, "compile": 0.0, "train": 0.0}
        self.signum: int | None = None
        self.step, self.saved, self.skipped = 0, -1, 0
        self.best: tuple[float, int] | None = None
        self.since_best = 0
        self.resume = resume

    def go(self) -> Fit:
        """Starts or resumes, trains to the end of the plan, and closes what it opened."""
        with self.record, self._signals():
            try:
                self._start()
                self._train()
            except jax.errors.JaxRuntimeError as error:
                raise _explain(error, self.split.batch_size) from error
        state = self.parallel.read(self.state)
        if self.loop.best and self.best:
            state, _, _ = self.keep_best.restore(state)
        return Fit(
            state=state,
            steps=self.step,
            seconds=self._seconds(),
            examples_per_second=self.record.rate(),
            devices=self.parallel.count,
            seed=self.seed,
            rows=self.record.rows,
            best_step=self.best[1] if self.best else None,
            skipped=self.skipped,
        )

    def _start(self) -> None:
        self.record.say("preparing")
        state = jax.jit(self.task.init)(jax.random.key(self.seed))
        self.zero = zero_sums(self.task, self.parallel, state)
        sums = self.zero
        if self.resume and self.checkpoints.steps():
            state, self.step, host = self.checkpoints.restore(state)
            self.saved = self.step
            self.seconds = {k: v + host["seconds"].get(k, 0.0) for k, v in self.seconds.items()}
            self.skipped = host["skipped"]
            leaves = [np.asarray(x, np.float32) for x in host["sums"]]
            sums = self.zero | {
                "pairs": jax.tree.unflatten(jax.tree.structure(self.zero["pairs"]), leaves)
            }
            self.record.say(f"resumed at step {self.step}")
        self.record.start(self.step)
        for row in self.record.rows:
            self._note_best(row)
        self.state = self.parallel.place(state)
        self.sums = self.parallel.place_all(sums)
        self.resident = self.parallel.place_all(self.split.resident())
        self.capacity = min(self.plan.log_every, CHUNK_STEPS, self.plan.steps)
        if self.step < self.plan.steps:
            self._compile()

    def _compile(self) -> None:
        began = time.perf_counter()
        self.record.say("compiling")
        chunk = make_chunk(self.task.step, self.split.gather, self.loop.on_nan == "stop")
        args = (self.state, self.sums, self.resident, self._feed(1), np.int32(1))
        self.run = self.parallel.bind(chunk).lower(*args).compile()
        self.seconds["compile"] += time.perf_counter() - began

    def _feed(self, count: int) -> Any:
        feed = self.split.feed(self.step, self.step + count)
        pad = self.capacity - count
        full = jax.tree.map(lambda x: np.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)), feed)
        return self.parallel.place_feed(full)

    def _train(self) -> None:
        marks: deque[tuple[Any, int]] = deque()
        logs: deque[tuple[int, Any]] = deque()
        quota, self.clock = 1, time.perf_counter()
        self.began_steps = self.clock
        while self.step < self.plan.steps and not self._patience_spent():
            boundary = min(
                -(-(self.step + 1) // self.plan.log_every) * self.plan.log_every, self.plan.steps
            )
            count = min(boundary - self.step, self.capacity, quota)
            self.state, self.sums, mark = self.run(
                self.state, self.sums, self.resident, self._feed(count), np.int32(count)
            )
            self.step += count
            marks.append((mark, count))
            if self.step == boundary:
                logs.append((self.step, self.sums))
                # The mark of a bad step outlives the row, so that no later chunk moves past it.
                fresh = self.parallel.place_all(self.zero)
                self.sums = fresh | {"bad_step": jnp.copy(self.sums["bad_step"])}
            halt = self._pausing()
            while len(marks) > (0 if halt else 1):
                quota = self._wait(*marks.popleft())
            while len(logs) > (0 if halt else 1):
                self._log(*logs.popleft())
            if halt:
                self._pause()
        self.record.flush()

    def _wait(self, mark: Any, count: int) -> int:
        jax.block_until_ready(mark)
        now = time.perf_counter()
        self.seconds["train"] += now - self.clock
        seconds, self.clock = (now - self.clock) / count, now
        self.record.progress(self.step, count, seconds * count)
        return max(1, int(CHUNK_SECONDS / max(seconds, 1e-6)))

    def _pausing(self) -> bool:
        at = [self.plan.save_every, self.plan.eval_every]
        due = any(n and self.step % n == 0 for n in at) or self.step == self.plan.steps
        return due or self.signum is not None

    def _pause(self) -> None:
        """Evaluation, checkpoint and signals, with nothing under way on the devices."""
        self._check_open_interval()
        logged = self.step % self.plan.log_every == 0 or self.step == self.plan.steps
        if logged and self.plan.eval_every and self.step % self.plan.eval_every == 0:
            self._evaluate()
        self.record.flush()
        if self.step % self.plan.save_every == 0 or self.signum or self.step == self.plan.steps:
            self._save()
        if self.signum:
            raise Stopped(self.step, self.signum)
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
        self._save_pairs(sums)
        rows = jax.tree.leaves(self.split.feed(bad, bad + 1))[0][0]
        shown = ", ".join(map(str, np.ravel(rows)[:8]))
        path = self.record.debug_batch(
            bad, self.split.gather(self.split.resident(), self.split.feed(bad, bad + 1)[0])
        )
        rate = f", learning rate {self.task.rate(bad):.3g}" if self.task.rate else ""
        raise DivergedError(
            f"the loss or a gradient is not finite at step {bad}{rate}; "
            "the state before it is saved. "
            f"Its batch (rows {shown}, ...) is in {path}; lower optim.lr, set optim.clip_norm, or "
            "loop.on_nan=skip"
        )

    def _evaluate(self) -> None:
        assert self.task.evaluate is not None, "the plan evaluates only where it can"
        self.record.say("evaluating")
        state = self.parallel.read(self.state)
        folder = self.record.dir / "pictures" / f"{self.step:08d}"
        numbers = self.task.evaluate(state, self.task.splits["val"], folder)
        row = self.record.join(self.step, {f"val_{k}": v for k, v in numbers.items()})
        if self._note_best(row):
            self.keep_best.save(self.step, state, {})

    def _note_best(self, row: Numbers) -> bool:
        name = self.loop.best
        if not name or not any(key.startswith("val_") for key in row):
            return False
        if name not in row:
            known = ", ".join(key for key in row if key.startswith("val_"))
            raise UsageError(f"loop.best: no number {name!r} in the evaluation; it has {known}")
        smaller = "loss" in name or "error" in name
        value = -row[name] if smaller else row[name]
        self.since_best += 1
        if self.best is not None and value <= self.best[0]:
            return False
        self.best, self.since_best = (value, int(row["step"])), 0
        return True

    def _patience_spent(self) -> bool:
        return bool(self.loop.patience) and self.since_best >= self.loop.patience

    def _save(self) -> None:
        self._save_pairs(jax.device_get(self.parallel.read_all(self.sums)))

    def _save_pairs(self, sums: Any) -> None:
        if self.step == self.saved:
            return
        leaves = [float(x) for x in jax.tree.leaves(sums["pairs"])]
        host = {"seconds": self._seconds(), "skipped": self.skipped, "sums": leaves}
        self.checkpoints.save(self.step, self.parallel.read(self.state), host)
        self.saved = self.step

    def _seconds(self) -> dict[str, float]:
        now = time.perf_counter()
        return self.seconds | {"total": self.seconds["total"] + now - self.began}

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def note(signum: int, frame: Any) -> None:
            if self.signum is not None and signum == signal.SIGINT:
                raise KeyboardInterrupt
            self.signum = signum
            self.record.say(f"{signal.Signals(signum).name}: finishing the chunk and saving")

        kinds = (signal.SIGTERM, signal.SIGINT)
        try:
            before = {kind: signal.signal(kind, note) for kind in kinds}
        except ValueError:  # not the main thread: signals are not ours
            yield
            return
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def _explain(error: Exception, batch_size: int) -> Exception:
    if "RESOURCE_EXHAUSTED" not in str(error):
        return error
    first = str(error).splitlines()[0]
    return DeviceMemoryError(
        f"the device ran out of memory at batch size {batch_size} ({first}). "
        "Lower data.batch_size, use a smaller model, or train on more devices"
    )
