"""Several networks averaged, or the ends of one's cycles: jaxdl run mnist_lenet_ensemble."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DivergedError, UsageError
from jaxdl.classification.ensemble import (
    EnsembleEvaluator,
    EnsembleResult,
    evaluate_ensemble,
    stack_members,
    task_variables,
    train_snapshots,
)
from jaxdl.classification.task import ClassifierConfig
from jaxdl.classification.task import classifier_task as build
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import say, say_continuation
from jaxdl.search.execution import choose_execution
from jaxdl.search.paused import PausedTrials
from jaxdl.search.trials import Trial, TrialResult, TrialRunner
from jaxdl.training.report import report_numbers
from jaxdl.training.task import Task
from jaxdl.typing import Numbers, Tree


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier, and how many of it there are."""

    members: int = 5
    """Networks, from seeds of their own; or snapshots of one."""
    snapshots: bool = False
    """One training of so many cycles, each of the schedule and length that are given; the network
    at the end of each is a member."""

    def __post_init__(self) -> None:
        if self.members < 2:
            raise UsageError(f"members must be at least 2, got {self.members}")


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Trains the members that are not there yet, and reports them alone and together."""
    began = time.perf_counter()
    task = build(cfg)
    kept = [Checkpoints(run_dir / "members" / str(i)) for i in range(cfg.members)]
    trials = TrialRunner(task, cfg.loop, paused=PausedTrials(run_dir / "paused", say))
    say_continuation()
    seconds = {"load": time.perf_counter() - began}
    left = sum(not member.steps() for member in kept)
    if cfg.snapshots:
        way = "one after the other"
        if left:
            train_snapshots(
                trials, cfg.members, cfg.seed, partial(save_member, kept, steps=trials.steps)
            )
    else:
        way = train_members(cfg, task, trials, kept)
    seconds["train"] = time.perf_counter() - began - seconds["load"]
    like = jax.eval_shape(lambda key: task.init(key).variables, jax.random.key(0))
    members = stack_members([member.restore(like)[0] for member in kept])
    assert task.model is not None, "a classifier's task has its model"
    probability, labels = EnsembleEvaluator(task.model, task.prepare)(members, task.splits["test"])
    together = evaluate_ensemble(probability, labels)
    draw_together(together).save(run_dir / "ensemble.png")
    metrics = {f"test_{name}": value for name, value in together.numbers().items()}
    seconds["total"] = time.perf_counter() - began
    return report_numbers(
        cfg,
        metrics,
        seconds,
        rows=left * trials.steps * cfg.data.batch_size,
        params=members["params"],
        synthetic=task.splits["train"].synthetic,
    ) | {"way": way}


def train_members(cfg: Config, task: Task, trials: TrialRunner, kept: list[Checkpoints]) -> str:
    """Trains and saves every member that is not saved; returns how they are trained."""
    ended = [i for i, member in enumerate(kept) if member.steps()]
    way = choose_execution(trials, len(kept))
    say(f"{len(kept) - len(ended)} members of {trials.steps} steps, {way}")

    def keep(trial: Trial, state: Any) -> Numbers:
        save_member(kept, trial.seed - cfg.seed, task_variables(task, state), trials.steps)
        return {}

    def done(member: int, outcome: TrialResult) -> None:
        if outcome.bad_step is not None:
            raise DivergedError(f"member {member} diverged at step {outcome.bad_step}")

    trials.run(way, [Trial(seed=cfg.seed + i) for i in range(len(kept))], keep, done, ended=ended)
    return str(way)


def save_member(kept: list[Checkpoints], member: int, variables: Tree, steps: int) -> None:
    """Saves a member that is trained, unless it was before."""
    if not kept[member].steps():
        kept[member].save(steps, variables, {})
        say(f"member {member} is trained")


def draw_together(together: EnsembleResult) -> Figure:
    """Errors of the members, and of the first 1, 2, ... of them together."""
    figure = Figure(size=(5, 3.4))
    (axis,) = figure.axes
    count = np.arange(1, len(together.members) + 1)
    axis.plot(count, 100 * (1 - together.members), "o", color="0.6", label="each member")
    axis.plot(count, 100 * (1 - together.growing), "o-", label="the first of them together")
    axis.set(xlabel="members", ylabel="test error, %", xticks=count)
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main(__file__)
