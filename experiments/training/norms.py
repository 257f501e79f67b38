"""What norms and shortcuts are for: jaxdl run fashion_norm_rates, or fashion_depth20."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.draw import Figure
from jaxdl.models.registry import ModelConfig
from jaxdl.optim.config import Momentum, OptimConfig
from jaxdl.runs.results import Report
from jaxdl.search.trials import Trial, TrialRunner, accuracy_on
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.prepare_images import ImageConfig
from jaxdl.training.report import report_numbers
from jaxdl.typing import Numbers


@dataclass(frozen=True)
class Config:
    """A net with several norms, with and without shortcuts, at several rates."""

    data: DataConfig = DataConfig(name="digits", batch_size=128, val=200)
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="mlp")
    optim: OptimConfig = Momentum()
    """lr is replaced."""
    loop: LoopConfig = LoopConfig(epochs=2)
    norms: tuple[str, ...] = ("none", "batch")
    """Normalization layers: none, batch, layer, instance, group, rms."""
    residual: tuple[bool, ...] = ()
    """Without and with shortcuts, of a model that has that field."""
    learning_rates: tuple[float, ...] = (0.01, 0.1)
    """Learning rates, in one compiled program."""
    seed: int = 0
    """Of the weights."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains every variant at every rate; reports losses, and the accuracy at the best rate."""
    began = time.perf_counter()
    metrics: Numbers = {}
    losses: dict[str, list[float]] = {}
    steps = 0
    for name, model in variants(cfg).items():
        given = {"data": cfg.data, "image": cfg.image, "optim": cfg.optim, "loop": cfg.loop}
        task = classifier_task(ClassifierConfig(model=model, seed=cfg.seed, **given))
        steps = total_steps(cfg.loop, task.splits["train"].steps_per_epoch)
        trials = TrialRunner(task, LoopConfig(steps=steps))
        losses[name], best = [], None
        for rate in cfg.learning_rates:
            trace = trials.trace(Trial({"lr": rate}, cfg.seed), max(steps // 10, 1))
            *_, (state, row) = trace
            if row["loss"] < min(losses[name], default=np.inf):
                best = state, rate
            losses[name].append(row["loss"])
        metrics[f"train_loss_{name}"] = min(losses[name])
        metrics[f"rates_that_learn_{name}"] = float(sum(x < 1.0 for x in losses[name]))
        if best is not None:
            tested = accuracy_on(task, best[0], "test")
            metrics |= {f"test_accuracy_{name}": tested, f"best_rate_{name}": best[1]}
    draw(cfg, losses, metrics).save(run_dir / "norms.png")
    rows = steps * cfg.data.batch_size * len(cfg.learning_rates) * len(losses)
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=rows)


def variants(cfg: Config) -> dict[str, ModelConfig]:
    """Name -> model."""
    found = {}
    for norm in cfg.norms:
        for shortcut in cfg.residual or (None,):
            options = {} if shortcut is None else {"residual": shortcut}
            kind = {None: "", True: "residual_", False: "plain_"}[shortcut]
            found[f"{kind}{norm}"] = replace(cfg.model, norm=norm, **options)  # pyright: ignore
    return found


def draw(cfg: Config, losses: dict[str, list[float]], metrics: Numbers) -> Figure:
    """The last training loss over the rate, and the test accuracy at the best one."""
    figure = Figure(1, 2, size=(10, 3.8))
    left, right = figure.axes
    for name, values in losses.items():
        shown = [min(value, 5.0) for value in values]
        left.plot(cfg.learning_rates, shown, marker=".", label=name)
    left.set(xscale="log", xlabel="learning rate", title="last training loss (at most 5 is shown)")
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    names = [name for name in losses if f"test_accuracy_{name}" in metrics]
    tested = [metrics[f"test_accuracy_{name}"] for name in names]
    right.barh(names, tested)
    right.set(title="test accuracy at the best rate")
    for place, value in enumerate(tested):
        right.text(value / 2, place, f"{value:.1%}", va="center", color="white", fontsize=8)
    return figure


if __name__ == "__main__":
    main(__file__)
