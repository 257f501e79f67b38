"""What the first steps say: ten rows by heart, a range of rates, the own rate, updates."""

import dataclasses
import math
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.diagnose.verdict import Verdict, judge
from jaxdl.metrics.accumulate import finish
from jaxdl.optim.config import Adam, FirstOrder
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.runs.checkpoint import flatten
from jaxdl.search.trials import Trial, TrialRunner
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import make_train_step
from jaxdl.training.task import Task
from jaxdl.typing import Batch, Host, Key, Numbers

TEN, OVERFIT_STEPS, OVERFIT_RATE = 10, 500, 1e-3
LOWEST, HIGHEST = 1e-6, 10.0  # of the range of rates
STEPS, FEWEST = 100, 60  # of each short training
SECONDS = 30.0  # that the short trainings may take together
RAMP = 10  # steps of warm-up where the config has any


class ShortRun:
    """A training whose state is moved on by a few steps at a time, on one device."""

    def __init__(self, trials: TrialRunner) -> None:
        self.step = 0
        self.chunks, self.state, _ = trials.ready(Trial())

    def go(self, count: int, rate: float | None = None) -> Numbers:
        """`count` steps, at `rate` if it is given: their mean numbers, NaN where one is bad."""
        if rate is not None:
            lr = jnp.asarray(rate, self.state.hyper["lr"].dtype)
            placed = self.chunks.parallel.place_all({"lr": lr})
            self.state = self.state.replace(hyper={**self.state.hyper, **placed})
        feed = self.chunks.feed(self.step, count)
        self.state, sums, _ = self.chunks.advance(self.state, self.chunks.fresh_sums(), feed, count)
        self.step += count
        sums = jax.device_get(sums)
        numbers = finish(sums["pairs"])
        return numbers if sums["bad_step"] < 0 else dict.fromkeys(numbers, math.nan)


def short(task: Task) -> TrialRunner:
    """The compiled step of short trainings of `task`."""
    return TrialRunner(task, LoopConfig(steps=max(STEPS, OVERFIT_STEPS)))


def with_optimizer(task: Task, optim: FirstOrder, **changes: Any) -> Task:
    """`task` under another optimizer, at a constant rate."""
    assert task.loss_fn is not None, "the caller has looked"
    optim = dataclasses.replace(optim, schedule="constant", ema=0.0)
    tx = make_optimizer(optim, STEPS)
    prepare = changes.pop("prepare", task.prepare)

    def init(key: Any) -> TrainState:
        state = task.init(key)
        opt_state: Any = tx.init(state.params)
        hyper = dict(opt_state.hyperparams)
        return state.replace(opt_state=opt_state, hyper=hyper, ema={}, ema_extra={})

    step = make_train_step(task.loss_fn, tx, prepare)
    return dataclasses.replace(task, init=init, step=step, tx=tx, prepare=prepare, **changes)


def overfit(task: Task) -> Verdict:
    """Ten rows to 100 %, without augmentation, by Adam at 1e-3: it shows that gradients arrive."""
    split = task.splits["train"]
    rows = split.batch(ten_rows(split))
    few = Split(rows, split.classes, batch_size=len(next(iter(rows.values()))), shuffle=False)
    optim = Adam(lr=OVERFIT_RATE)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return task.prepare(keys, batch, train=False)

    plain = with_optimizer(task, optim, splits={"train": few}, prepare=prepare)
    walk = ShortRun(short(plain))
    first = last = walk.go(1)
    while walk.step < OVERFIT_STEPS and not _learned(first, last):
        walk.go(49)
        last = walk.go(1)
    shown = f"loss {first['loss']:.3g} to {last['loss']:.2g} in {walk.step} steps"
    if "accuracy" in last:
        shown = f"{last['accuracy']:.0%} right, {shown}"
    state = "pass" if _learned(first, last) else "fail"
    return Verdict("overfit 10 rows", state, shown)


def ten_rows(split: Split) -> Host:
    """Row numbers of as many classes as there are."""
    if split.labels is None:
        return np.arange(min(TEN, split.size))
    labels = np.asarray(split.labels)
    place = np.zeros(len(labels), int)  # of each row among those of its class
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    place[order] = np.arange(len(labels)) - starts
    return np.sort(np.lexsort((labels, place))[:TEN])


def _learned(first: Numbers, last: Numbers) -> bool:
    if "accuracy" in last:
        return last["accuracy"] == 1 and last["loss"] < 0.5 * first["loss"]
    return last["loss"] < 0.1 * first["loss"]


@dataclass(frozen=True)
class Rates:
    """A range test: the loss of each step as the rate rises, and what it suggests."""

    rates: list[float]
    losses: list[float]
    smooth: list[float]
    suggestion: float


def range_test(trials: TrialRunner, steps: int) -> Rates:
    """One training whose rate rises from 1e-6 to 10 (Smith 2017, arXiv 1506.01186, section 3.3).

    `trials` are at a constant rate. It ends where the smoothed loss is over twice its least value,
    or not finite. Suggested is a tenth of the rate of the least one.
    """
    walk = ShortRun(trials)
    rates, losses, smooth, mean = [], [], [], 0.0
    for i in range(steps):
        rate = LOWEST * (HIGHEST / LOWEST) ** (i / (steps - 1))
        loss = walk.go(1, rate)["loss"]
        mean = 0.8 * mean + 0.2 * loss
        level = mean / (1 - 0.8 ** (i + 1))
        if not math.isfinite(level) or (smooth and level > 2 * max(min(smooth), 0.1)):
            break
        rates.append(rate)
        losses.append(loss)
        smooth.append(level)
    if not smooth:
        return Rates([LOWEST], [math.nan], [math.nan], LOWEST)
    return Rates(rates, losses, smooth, rates[int(np.argmin(smooth))] / 10)


def check_learning_rate(
    trials: TrialRunner, optim: FirstOrder, found: Rates, steps: int
) -> Verdict:
    """How far the loss falls in a short training at the config's rate and at others."""
    rates = {"own": optim.lr, "a tenth": optim.lr / 10, "ten times": optim.lr * 10}
    ramp = min(optim.warmup, RAMP, steps // 2)
    fall = {name: fall_of_loss(trials, rate, steps, ramp) for name, rate in rates.items()}
    fall["range"] = 1 - min(found.smooth) / found.losses[0]
    best = max(value for value in fall.values() if math.isfinite(value))
    shown = f"{optim.lr:g}: in {steps} steps the loss falls by {fall['own']:.0%}"
    shown += f", by {best:.0%} at best; suggested {found.suggestion:.1g}"
    state, words = judge_falls(fall["own"], fall["a tenth"], best)
    return Verdict("learning rate", state, shown + words)


def judge_falls(own: float, tenth: float, best: float) -> tuple[str, str]:
    """(state, why) from the falls of the loss at a rate, at a tenth of it, and at the best one.

    Too high: the loss rises, or a tenth does clearly better; too low: it falls by less than 0.3 of
    what it could.
    """
    if best < 0.05:
        return "fail", ": no rate lets the loss fall"
    if own < tenth - 0.15 or own < -0.1:
        return "fail", ": too high"
    return ("fail", ": too low") if own < 0.3 * best else ("pass", "")


def fall_of_loss(trials: TrialRunner, rate: float, steps: int, ramp: int) -> float:
    """The share of its first value that the loss has lost over the last fifth of `steps`.

    The rate rises over the first `ramp` steps. -1 where the loss doubles or is not finite.
    """
    walk, tail = ShortRun(trials), max(steps // 5, 1)
    first = walk.go(1, rate / (ramp + 1))["loss"]
    for i in range(1, ramp):
        walk.go(1, rate * (i + 1) / (ramp + 1))
    middle = walk.go(steps - tail - walk.step, rate)["loss"]
    last = walk.go(tail, rate)["loss"]
    fall = (first - last) / abs(first)
    return max(fall, -1.0) if math.isfinite(fall + middle) else -1.0


def updates(
    trials: TrialRunner, steps: int, freeze: tuple[str, ...] = ()
) -> tuple[list[Verdict], TrainState]:
    """Steps of the config's own: what does not move, and how far kernels move in one step.

    Returns the state after them too. `freeze` are globs of parameters that need not move.
    """
    walk = ShortRun(trials)
    before = flatten(walk.state.params)
    walk.go(steps - 1)
    middle = flatten(walk.state.params)
    walk.go(1)
    after = flatten(walk.state.params)
    still = [name for name in before if (before[name] == after[name]).all()]
    meant = [name for name in still if any(fnmatch(name, glob) for glob in freeze)]
    still = [name for name in still if name not in meant]
    words = f"{len(still)} of {len(before)} parameters have not moved in {steps} steps"
    words += f" ({len(meant)} more are frozen on purpose)" * bool(meant)
    words += f": {', '.join(still[:4])}" * bool(still)
    moved = Verdict("frozen layers", "fail" if still else "pass", words)
    return [moved, update_to_weight_ratio(middle, after)], walk.chunks.parallel.read(walk.state)


def update_to_weight_ratio(before: dict[str, Host], after: dict[str, Host]) -> Verdict:
    """The median over kernels of |update| / |weights|, about 1e-3 in a good training."""
    ratios = [
        np.linalg.norm(after[n] - before[n]) / (np.linalg.norm(before[n]) + 1e-12)
        for n in before
        if before[n].ndim > 1 and (after[n] != before[n]).any()
    ]
    if not ratios:
        return Verdict("update / weight", "fail", "no kernel moves")
    middle = float(np.median(ratios))
    words = f"{middle:.1e} a step, about 1e-3 is good"
    return judge("update / weight", middle, words, good=(5e-5, 5e-2), bad=(1e-6, 0.5))
