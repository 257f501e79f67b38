"""A classifier before and after training on attacked pictures: jaxdl run mnist_adversarial.

Two trainings: the first on pictures as they are, then one from its weights on pictures that
`train_attack` has changed. Both nets are measured under `attack`, and over its radius.
"""

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

from jaxdl.checks import check_at_least
from jaxdl.classification.robust import (
    AttackConfig,
    adversarial_loss,
    check_pixels,
    make_robust_evaluator,
    pgd_attack,
)
from jaxdl.classification.robust_pictures import (
    Radii,
    draw_attacks,
    draw_robustness,
    robustness_curves,
)
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.results import Report
from jaxdl.training.loop import FitResult, fit
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.report import report_fit
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, make_step
from jaxdl.training.warm_start import started_from
from jaxdl.typing import Numbers

__all__ = ["Config", "build", "predict", "run"]


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier, the attack that it learns to bear, and the one that it is measured under."""

    model: ModelConfig = ModelConfig(name="strided_convnet")
    attack: AttackConfig = AttackConfig()
    """Of every evaluation."""
    train_attack: AttackConfig = AttackConfig(rate=0.1, steps=7)
    """Of the second training."""
    first_epochs: int = 1
    """Of the first training."""
    radii_linf: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
    """Where accuracy is drawn, under PGD of attack.steps steps of 2.5 radius / steps."""
    radii_l2: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    """The same, of the ball of the Euclidean norm."""
    curve_rows: int = 1000
    """Test rows that it is drawn of."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pixels(self.image)
        check_at_least("first_epochs", self.first_epochs, 1)
        check_at_least("curve_rows", self.curve_rows, 1)


def build(cfg: Config) -> Task:
    """The task of the second training."""
    task = measured_under_attack(classifier_task(cfg), cfg)
    assert task.model is not None, "the task of a classifier"
    assert task.loss_fn is not None, "it has a loss"
    loss_fn = adversarial_loss(task.model, task.loss_fn, cfg.train_attack)
    steps = total_steps(cfg.loop, task.splits["train"].steps_per_epoch)
    step = make_step(loss_fn, task.tx, task.prepare, cfg.optim, steps)
    return dataclasses.replace(task, loss_fn=loss_fn, step=step)


def measured_under_attack(task: Task, cfg: Config) -> Task:
    """`task` whose evaluation has `robust_accuracy`, too."""
    assert task.model is not None, "the task of a classifier"
    assert task.evaluate is not None, "it is measured"
    evaluate = make_robust_evaluator(task.model, task.prepare, cfg.attack, task.evaluate)
    return dataclasses.replace(task, evaluate=evaluate)


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Both trainings; the report is of the second, with the first's numbers beside it."""
    task, before = build(cfg), train_first(cfg, run_dir / "before", resume)
    task = dataclasses.replace(task, init=started_from(task, before.state.variables))
    done = fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    done.seconds = {name: done.seconds[name] + before.seconds[name] for name in done.seconds}

    def both(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        numbers = task.measure(state, split, folder)
        first = task.measure(before.state, split)
        if folder is not None:
            draw(cfg, task, {"before": before.state, "after": state}, folder)
        return {**numbers, **{f"{name}_before": value for name, value in first.items()}}

    return report_fit(run_dir, cfg, dataclasses.replace(task, evaluate=both), done)


def train_first(cfg: Config, run_dir: Path, resume: bool) -> FitResult:
    """The first training, on pictures as they are."""
    epochs = LoopConfig(epochs=cfg.first_epochs, devices=cfg.loop.devices)
    loop = cfg.loop if cfg.loop.epochs is None else epochs
    task = measured_under_attack(classifier_task(replace(cfg, loop=loop)), cfg)
    return fit(task, loop, run_dir, seed=cfg.seed, resume=resume)


def draw(cfg: Config, task: Task, states: dict[str, TrainState], folder: Path) -> None:
    """`robustness.png`: accuracy over the radius; `attacks.png`: attacked pictures."""
    assert task.model is not None, "the task of a classifier"
    test = task.splits["test"]
    few = test.take(np.arange(min(cfg.curve_rows, test.size)), name="curve")
    radii: Radii = {"linf": cfg.radii_linf, "l2": cfg.radii_l2}
    curves = robustness_curves(task, states, few, cfg.attack.steps, radii)
    draw_robustness(curves).save(folder / "robustness.png")
    attack = pgd_attack(task.model, cfg.attack, jax.random.key(0))
    draw_attacks(task, states, few, attack).save(folder / "attacks.png")


if __name__ == "__main__":
    main(__file__)
