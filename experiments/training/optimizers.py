"""One net under every optimizer, each at its best rate: jaxdl run fashion_optimizers."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.draw import Figure
from jaxdl.models.registry import ModelConfig
from jaxdl.optim.config import LBFGS, Adam, OptimConfig, switch_rule
from jaxdl.runs.results import Report
from jaxdl.search.trials import Trial, TrialRunner, accuracy_on
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.prepare_images import ImageConfig
from jaxdl.training.report import report_numbers
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers


@dataclass(frozen=True)
class Config:
    """The net, and the optimizers that compete."""

    data: DataConfig = DataConfig(name="digits", batch_size=128, val=200)
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="mlp")
    optim: OptimConfig = Adam(schedule="cosine")
    """What they have in common; name and lr are replaced."""
    loop: LoopConfig = LoopConfig(epochs=2)
    optimizers: tuple[str, ...] = (
        "sgd",
        "momentum",
        "nesterov",
        "adagrad",
        "rmsprop",
        "adam",
        "adamw",
    )
    """Optimizers."""
    learning_rates: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Rates that each is tried at, in one compiled program; the best on the val split counts."""
    lbfgs_steps: int = 0
    """Updates of lbfgs on the whole training split (0: it does not take part)."""
    seed: int = 0
    """Of the weights; all start alike."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains every optimizer at every rate, and reports each at its best one."""
    began = time.perf_counter()
    task = classifier_task(base(cfg))
    table: dict[str, list[float]] = {}
    metrics: Numbers = {}
    trained = 0
    for name in cfg.optimizers:
        optim = switch_rule(cfg.optim, name)
        steps = total_steps(cfg.loop, task.splits["train"].steps_per_epoch)
        best, table[name], state = try_rates(cfg, optim, steps)
        metrics |= measured(task, name, state) | {f"best_rate_{name}": cfg.learning_rates[best]}
        trained += len(cfg.learning_rates) * steps * cfg.data.batch_size
    if cfg.lbfgs_steps:
        state, rows = whole_batches(cfg)
        metrics |= measured(task, "lbfgs", state)
        trained += cfg.lbfgs_steps * rows
    draw(cfg, table, metrics).save(run_dir / "optimizers.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=trained)


def base(cfg: Config, **changes: object) -> ClassifierConfig:
    """The classifier that all train."""
    given = {"data": cfg.data, "image": cfg.image, "model": cfg.model, "loop": cfg.loop}
    return ClassifierConfig(**{**given, "optim": cfg.optim, "seed": cfg.seed, **changes})  # pyright: ignore


def try_rates(cfg: Config, optim: OptimConfig, steps: int) -> tuple[int, list[float], TrainState]:
    """The best rate's number, the val accuracy at each, and the state of the best."""
    task = classifier_task(base(cfg, optim=optim))
    trials = TrialRunner(task, LoopConfig(steps=steps))
    states, accuracies = [], []
    for rate in cfg.learning_rates:
        *_, (state, row) = trials.trace(Trial({"lr": rate}, cfg.seed), steps)
        states.append(state)
        finite = np.isfinite(row["loss"])
        accuracies.append(accuracy_on(task, state, "val") if finite else 0.0)
    best = int(np.argmax(accuracies))
    return best, accuracies, states[best]


def whole_batches(cfg: Config) -> tuple[TrainState, int]:
    """The state that lbfgs ends with, and the rows that it saw at each update."""
    splits = classifier_task(base(cfg)).splits
    size = splits["train"].size
    data = replace(cfg.data, batch_size=size)
    optim = LBFGS(weight_decay=cfg.optim.weight_decay)
    task = classifier_task(
        base(cfg, data=data, optim=optim, loop=LoopConfig(steps=cfg.lbfgs_steps))
    )
    *_, (state, _) = TrialRunner(task, LoopConfig(steps=cfg.lbfgs_steps)).trace(
        Trial(seed=cfg.seed), 1
    )
    return state, size


def measured(task: Task, name: str, state: TrainState) -> Numbers:
    """Val and test accuracy of a state."""
    return {f"{role}_accuracy_{name}": accuracy_on(task, state, role) for role in ("val", "test")}


def draw(cfg: Config, table: dict[str, list[float]], metrics: Numbers) -> Figure:
    """Left: accuracy over the rate; right: the test accuracy of each at its best."""
    figure = Figure(1, 2, size=(10, 3.8))
    left, right = figure.axes
    for name, accuracies in table.items():
        left.plot(cfg.learning_rates, accuracies, marker=".", label=name)
    left.set(xscale="log", xlabel="learning rate", title="val accuracy")
    left.legend(fontsize=7)
    left.grid(alpha=0.3)
    tested = {k.removeprefix("test_accuracy_"): v for k, v in metrics.items() if "test" in k}
    ranked = sorted(tested, key=lambda name: tested[name])
    right.barh(ranked, [tested[name] for name in ranked])
    right.set(xlim=(min(tested.values()) - 0.02, max(tested.values()) + 0.01))
    right.set(title="test accuracy at the best rate")
    for place, name in enumerate(ranked):
        right.text(tested[name], place, f" {tested[name]:.2%}", va="center", fontsize=7)
    return figure


if __name__ == "__main__":
    main(__file__)
