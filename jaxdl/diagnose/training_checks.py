"""What the first steps say: ten rows by heart, a range of rates, the own rate, updates."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.diagnose.init_checks import WAIT
from jaxdl.diagnose.regularization import plain_loss, plain_prepare
from jaxdl.diagnose.verdict import Verdict, judge, unknown
from jaxdl.metrics.accumulate import finish
from jaxdl.optim.config import Adam, FirstOrder
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.runs.checkpoint import flatten
from jaxdl.search.trials import Trial, TrialRunner
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import make_train_step
from jaxdl.training.task import Task
from jaxdl.typing import Host, Numbers

TEN, OVERFIT_STEPS, OVERFIT_RATE = 10, 500, 1e-3
LOWEST, HIGHEST = 1e-6, 10.0  # of the range of rates
STEPS, FEWEST = 100, 60  # of each short training
SECONDS = 30.0  # that the short trainings may take together
FELL = 0.5, 0.9  # shares of its first value: a loss without accuracy fails, or passes, beyond
EAGER = 4  # times the suggested rate: a rate that is higher and does no better
RAMP = 10  # steps of warm-up where the config has any


class ShortRun:
    """A training whose state is moved on by a few steps at a time, on one device."""

    def __init__(self, trials: TrialRunner) -> None:
        self.step = 0
        self.chunks, self.state, _ = trials.ready(Trial())

    def go(self, count: int, rate: float | None = None) -> Numbers:
        """`count` steps, at `rate` if it is given: their mean numbers, NaN where one is bad."""
        if not count:
            return {}
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
    """`task` with `changes`, under another optimizer, at a constant rate."""
    optim = dataclasses.replace(optim, schedule="constant", ema=0.0)
    tx = make_optimizer(optim, STEPS)
    task, start = dataclasses.replace(task, **changes), task.init

    def init(key: Any) -> TrainState:
        state = start(key)
        opt_state: Any = tx.init(state.params)
        hyper = dict(opt_state.hyperparams)
        return state.replace(opt_state=opt_state, hyper=hyper, ema={}, ema_extra={})

    assert task.loss_fn is not None, "the caller has looked"
    step = make_train_step(task.loss_fn, tx, task.prepare)
    return dataclasses.replace(task, init=init, step=step, tx=tx)


def overfit(task: Task) -> Verdict:
    """Ten rows to 100 %, without regularization, by Adam at 1e-3: it shows that gradients arrive.

    `task` is that of a config `without_regularization`. A loss without accuracy may have a floor
    (an entropy, a divergence) that nobody knows: where it falls by half, that is a warning.
    """
    assert task.loss_fn is not None, "the caller has looked"
    split = task.splits["train"]
    rows = split.batch(ten_rows(split))
    few = Split(rows, split.classes, batch_size=len(next(iter(rows.values()))), shuffle=False)
    loss_fn, prepare = plain_loss(task.loss_fn), plain_prepare(task.prepare)
    parts = {"splits": {"train": few}, "loss_fn": loss_fn, "prepare": prepare}
    walk = ShortRun(short(with_optimizer(task, Adam(lr=OVERFIT_RATE), **parts)))
    first = last = walk.go(1)
    while walk.step < OVERFIT_STEPS and not _learned(first, last):
        walk.go(49)
        last = walk.go(1)
    shown = f"loss {first['loss']:.3g} to {last['loss']:.2g} in {walk.step} steps"
    if "accuracy" in last:
        shown = f"{last['accuracy']:.0%} right, {shown}"
    if _learned(first, last):
        return Verdict("overfit 10 rows", "pass", shown)
    if "accuracy" in last or not _fall(first, last) > FELL[0]:
        return Verdict("overfit 10 rows", "fail", shown)
    return Verdict("overfit 10 rows", "warn", shown + "; is this the least that the loss can be?")


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
    return _fall(first, last) > FELL[1]


def _fall(first: Numbers, last: Numbers) -> float:
    """The share of its first size that the loss has lost; NaN where one is not finite."""
    return (first["loss"] - last["loss"]) / max(abs(first["loss"]), 1e-12)


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
    rates["suggested"] = found.suggestion
    ramp = min(optim.warmup, RAMP, steps // 2)
    fall = {name: fall_of_loss(trials, rate, steps, ramp) for name, rate in rates.items()}
    finite = {name: value for name, value in fall.items() if math.isfinite(value)}
    best = max(finite, key=lambda name: finite[name])
    reach = max(finite[best], 1 - min(found.smooth) / found.losses[0])
    lower = [fall[name] for name in rates if rates[name] < optim.lr]
    eager = rates["suggested"] < optim.lr / EAGER and fall["suggested"] >= fall["own"]
    shown = f"{optim.lr:g}: in {steps} steps the loss falls by {fall['own']:.0%}"
    shown += f", by {reach:.0%} at best"
    state, words = judge_falls(fall["own"], max(lower), reach, eager=eager)
    if state != "pass" and finite[best] > fall["own"]:
        words += f"; try {rates[best]:.1g}, where it falls by {finite[best]:.0%}"
    return Verdict("learning rate", state, shown + words)


def judge_falls(own: float, lower: float, best: float, *, eager: bool = False) -> tuple[str, str]:
    """(state, why) from the falls of the loss at a rate, at the best lower one, and at best.

    Too high: the loss rises, or a lower rate does clearly better; too low: it falls by less than
    0.3 of what it could. A warning where it is `eager`: another does as well at a fraction of it.
    """
    if best < 0.05:
        return "fail", ": no rate lets the loss fall"
    if own < lower - 0.15 or own < -0.1:
        return "fail", ": too high"
    if own < 0.3 * best:
        return "fail", ": too low"
    return ("warn", ": higher than it needs to be") if eager else ("pass", "")


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
    trials: TrialRunner,
    steps: int,
    rate: Callable[[int], float] | None = None,
    freeze: tuple[str, ...] = (),
) -> tuple[list[Verdict], TrainState]:
    """Steps of the config's own: what does not move, and how far kernels move in one step.

    `rate` is that of each step: how far is asked of one in which it is high. Returns the state
    after the steps too. `freeze` are globs of parameters that need not move.
    """
    walk, asked = ShortRun(trials), last_high(rate, steps)
    before = flatten(walk.state.params)
    walk.go(asked)
    pair = [flatten(walk.state.params)]
    walk.go(1)
    pair.append(flatten(walk.state.params))
    walk.go(steps - walk.step)
    after = flatten(walk.state.params)
    still = [name for name in before if (before[name] == after[name]).all()]
    meant = [name for name in still if any(fnmatch(name, glob) for glob in freeze)]
    still = [name for name in still if name not in meant]
    words = f"{len(still)} of {len(before)} parameters have not moved in {steps} steps"
    words += f" ({len(meant)} more are frozen on purpose)" * bool(meant)
    words += f": {', '.join(still[:4])}" * bool(still)
    moved = Verdict("frozen layers", "fail" if still else "pass", words)
    if still and steps <= WAIT:
        moved = unknown("frozen layers", words + "; the run is too short to tell")
    return [moved, update_to_weight_ratio(*pair)], walk.chunks.parallel.read(walk.state)


def last_high(rate: Callable[[int], float] | None, steps: int) -> int:
    """The last of the first `steps` steps whose rate is at least half of the highest of them."""
    rates = np.array([rate(step) for step in range(steps)] if rate else [1.0] * steps)
    return int(np.flatnonzero(rates >= rates.max() / 2)[-1])


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
    words = f"{middle:.1e} a step; about 1e-3 is good, 1e-4 to 1e-2 usual"
    return judge("update / weight", middle, words, good=(1e-4, 1e-2), bad=(1e-6, 0.5))
