"""The debugging recipe on a config: data, first loss, ten rows, rates, updates, units."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.diagnose.data_checks import check_data, sample
from jaxdl.diagnose.init_checks import check_init, dead_units
from jaxdl.diagnose.regularization import without_regularization
from jaxdl.diagnose.training_checks import (
    FEWEST,
    SECONDS,
    STEPS,
    Rates,
    ShortRun,
    check_learning_rate,
    overfit,
    range_test,
    short,
    updates,
    with_optimizer,
)
from jaxdl.diagnose.verdict import unknown
from jaxdl.draw import Figure
from jaxdl.optim.config import FirstOrder
from jaxdl.search.programs import ReadConfig
from jaxdl.search.trials import TrialRunner
from jaxdl.training.plan import total_steps
from jaxdl.training.task import Task

ROWS = 256


def run_recipe(
    read: ReadConfig,
    build: Callable[[Any], Task],
    out: Path,
    say: Callable[[str], None] = print,
) -> bool:
    """Says one verdict per line on the config of `read`; returns whether one is a failure.

    `build` gives a config's task. The picture of the range test is written to `out`.
    """
    cfg = read([])
    task = build(cfg)
    plain_flags = without_regularization(cfg)
    plain = build(read(plain_flags)) if plain_flags else task
    verdicts = []
    for verdict in verdicts_of(task, plain, cfg, out):
        say(str(verdict))
        verdicts.append(verdict)
    return any(verdict.state == "fail" for verdict in verdicts)


def verdicts_of(task: Task, plain: Task, cfg: Any, out: Path) -> Any:
    """Yields each verdict as it is found; `plain` is the task without regularization."""
    split = task.splits["train"]
    rows = split.batch(sample(split, ROWS))
    keys = jax.random.split(jax.random.key(0), len(next(iter(rows.values()))))
    batch = dict(jax.jit(lambda k, b: dict(task.prepare(k, b, train=False)))(keys, rows))
    yield from check_data(split, task.splits.get("test"), batch)
    if task.loss_fn is None:
        yield unknown("training", "the task has a step of its own; there is no loss to look at")
        return
    state = jax.jit(task.init)(jax.random.key(getattr(cfg, "seed", 0)))
    yield from check_init(task, plain, state, batch)
    yield overfit(plain)
    own = short(task)
    steps = affordable_steps(own)
    optim = getattr(cfg, "optim", None)
    if isinstance(optim, FirstOrder):
        constant = short(with_optimizer(task, dataclasses.replace(optim, warmup=0)))
        found = range_test(constant, max(steps, FEWEST))
        draw_rates(found, optim.lr).save(out)
        yield check_learning_rate(constant, optim, found, steps)
    freeze = tuple(getattr(cfg, "freeze", ()))
    length = total_steps(cfg.loop, split.steps_per_epoch) if hasattr(cfg, "loop") else steps
    moved, after = updates(own, min(steps, length), task.rate, freeze)
    yield from moved
    yield dead_units(task, after.variables, batch.get("image", batch.get("input")))


def affordable_steps(trials: TrialRunner) -> int:
    """The length of each short training: 100 steps where a step is quick, at least 60."""
    walk = ShortRun(trials)
    walk.go(1)
    began = time.perf_counter()
    walk.go(3)
    step = (time.perf_counter() - began) / 3
    return int(np.clip(SECONDS / 5 / step, FEWEST, STEPS))


def draw_rates(found: Rates, own: float) -> Figure:
    """The loss as the rate rises, with the config's own rate and the suggested one."""
    figure = Figure(size=(6, 3.6))
    (axis,) = figure.axes
    axis.plot(found.rates, found.losses, color="0.75", label="loss of each step")
    axis.plot(found.rates, found.smooth, label="smoothed")
    axis.axvline(own, color="tab:red", label=f"the config's, {own:g}")
    axis.axvline(
        found.suggestion, color="tab:green", ls="--", label=f"suggested, {found.suggestion:.1g}"
    )
    top = max(found.losses[:1] or [1.0]) * 1.5
    axis.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(0, top))
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return figure
