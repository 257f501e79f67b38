"""Each regularizer on few images: jaxdl run fashion_regularizers."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.draw import Figure
from jaxdl.models.registry import ModelConfig, model_options
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.runs.results import Report
from jaxdl.search.trials import Trial, TrialRunner, accuracy_on
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.prepare_images import ImageConfig
from jaxdl.training.report import report_numbers
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

# What each changes in the config of a classifier: (part, field, value).
CHANGES: dict[str, tuple[str, str, object]] = {
    "none": ("", "", None),
    "l2": ("optim", "weight_decay", 3e-3),
    "l1": ("optim", "l1", 3e-4),
    "max_norm": ("optim", "max_norm", 2.0),
    "dropout": ("model", "dropout", 0.5),
    "fractional_pool": ("model", "pool", "fractional"),
    "batch_norm": ("model", "batch_norm", True),
    "cutout": ("image", "cutout", 8),
    "mixup": ("image", "mixup", 0.4),
    "crop": ("image", "crop", 2),
    "flip": ("image", "flip", True),
    "area": ("image", "area", (0.3, 1.0)),
    "jitter": ("image", "jitter", 0.4),
    "lighting": ("image", "lighting", 0.1),
    "label_smoothing": ("", "label_smoothing", 0.1),
    "weight_average": ("optim", "swa", 0.5),
    "early_stopping": ("", "", None),
}
# Those that act in nets of another kind, each beside that net without it.
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("mlp", {}),
    "mlp_drop_connect": ("mlp", {"drop_connect": 0.5}),
    "residual": ("preact_resnet20", {"blocks": (1, 1, 1), "width": 8}),
    "residual_drop_path": (
        "preact_resnet20",
        {"blocks": (1, 1, 1), "width": 8, "drop_path": 0.3},
    ),
}
COLORS = ("jitter", "lighting")  # they ask for color images


@dataclass(frozen=True)
class Config:
    """A small net on few images, with one regularizer at a time."""

    data: DataConfig = DataConfig(name="digits", batch_size=50, val=200)
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="deep_convnet")
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=20)
    regularizers: tuple[str, ...] = tuple(n for n in (*CHANGES, *NETS) if n not in COLORS)
    """Which of them."""
    seeds: int = 3
    """Runs of each, in one compiled program; means and deviations are reported."""
    seed: int = 0
    """The first of them."""

    def __post_init__(self) -> None:
        for name in self.regularizers:
            check_one_of("regularizers", name, (*CHANGES, *NETS))


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains with each regularizer and reports accuracy in training and on the test split."""
    began = time.perf_counter()
    metrics: Numbers = {}
    examples = 0
    for name in cfg.regularizers:
        task = classifier_task(changed(cfg, name))
        steps = total_steps(cfg.loop, task.splits["train"].steps_per_epoch)
        trials = TrialRunner(task, LoopConfig(steps=steps))
        every = -(-steps // 10) if name == "early_stopping" else steps
        runs = [one(task, trials, cfg.seed + i, every) for i in range(cfg.seeds)]
        examples += steps * cfg.data.batch_size * cfg.seeds
        for place, key in enumerate(("train", "test")):
            values = [pair[place] for pair in runs]
            metrics[f"{key}_accuracy_{name}"] = float(np.mean(values))
        metrics[f"spread_{name}"] = float(np.std([pair[1] for pair in runs]))
    draw(cfg, metrics).save(run_dir / "regularizers.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=examples)


def changed(cfg: Config, name: str) -> ClassifierConfig:
    """The classifier with one regularizer."""
    given = {"data": cfg.data, "image": cfg.image, "model": cfg.model, "loop": cfg.loop}
    base = ClassifierConfig(**given, optim=cfg.optim, seed=cfg.seed)
    if name in NETS:
        kind, options = NETS[name]
        return replace(base, model=model_options(kind)(**options))
    part, field, value = CHANGES[name]
    if not field:
        return base
    change = {field: value}
    return replace(base, **({part: replace(getattr(base, part), **change)} if part else change))


def one(task: Task, trials: TrialRunner, seed: int, every: int) -> tuple[float, float]:
    """Accuracy on the training and the test split, without augmentation.

    The state is the one at which the val split was best, of those after each `every` steps.
    """
    states = [jax.tree.map(jnp.copy, s) for s, _ in trials.trace(Trial(seed=seed), every)]
    state = max(states, key=lambda s: accuracy_on(task, s, "val")) if states[1:] else states[0]
    return accuracy_on(task, state, "train"), accuracy_on(task, state, "test")


def draw(cfg: Config, metrics: Numbers) -> Figure:
    """Bars of the test accuracy with their deviations, points for the training split."""
    figure = Figure(size=(7, 0.34 * len(cfg.regularizers) + 1.2))
    (axis,) = figure.axes
    names = sorted(cfg.regularizers, key=lambda name: metrics[f"test_accuracy_{name}"])
    tested = [metrics[f"test_accuracy_{name}"] for name in names]
    axis.barh(names, tested, xerr=[metrics[f"spread_{name}"] for name in names])
    axis.plot([metrics[f"train_accuracy_{name}"] for name in names], names, "k.", label="training")
    axis.set(xlim=(min(tested) - 0.03, 1.01), title="test accuracy, and its deviation over seeds")
    axis.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(__file__)
