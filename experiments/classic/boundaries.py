"""Where classifiers of points in the plane draw their lines: jaxdl run xor_boundaries, ..."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl.classic.estimator import Classifier
from jaxdl.classic.knn import KNearest
from jaxdl.classic.linear_classifier import LinearClassifier
from jaxdl.classic.perceptron import Perceptron
from jaxdl.classic.two_layer import TwoLayerNet
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ToyData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers


@dataclass(frozen=True)
class Config:
    """The points and the classifiers that are compared on them."""

    data: DataConfig = ToyData(name="rings")
    neighbor_counts: tuple[int, ...] = (1, 5, 15)
    """Numbers of neighbors."""
    penalty_weights: tuple[float, ...] = (0.1, 0.01, 0.001)
    """Weight decays of the two-layer network."""
    hidden: int = 32
    """Its hidden units."""
    epochs: int = 300
    """Of everything that is trained by descent."""
    resolution: int = 150
    """Points along each side of the pictures."""
    seed: int = 0
    """Of the initial weights."""


# Of a label's region and of its rows: told apart without red and green (Okabe and Ito 2008).
COLORS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#56b4e9",
    "#f0e442",
    "#000000",
)


class Contestant(NamedTuple):
    """A classifier and what it sees of a point."""

    model: Classifier
    features: Callable[[Host], Host] = np.asarray


def run(cfg: Config, run_dir: Path) -> Report:
    """Fits every classifier, draws what each says of the plane, and reports its accuracies."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    (x, y), fresh = ((s.read("input"), s.read("label")) for s in (splits["train"], splits["test"]))
    metrics: Numbers = {}
    fitted = contestants(cfg, classes=len(np.unique(y)))
    for name, (model, features) in fitted.items():
        model.fit(features(x), y)
        metrics[f"train_accuracy_{name}"] = model.score(features(x), y)
        metrics[f"test_accuracy_{name}"] = model.score(features(fresh[0]), fresh[1])
    draw_regions(fitted, x, y, metrics, cfg.resolution).save(run_dir / "boundaries.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(x), synthetic=splits["train"].synthetic)


def contestants(cfg: Config, classes: int) -> dict[str, Contestant]:
    """Name -> classifier, from the simplest to the most flexible."""
    descent: dict[str, Any] = {"epochs": cfg.epochs, "batch_size": 50, "seed": cfg.seed}
    line = LinearClassifier(penalty_weight=0.0, rate=0.1, **descent)
    found = {"linear": Contestant(line), "linear_polar": Contestant(replace(line), polar)}
    if classes == 2:
        found["perceptron"] = Contestant(Perceptron(max_passes=100))
    for penalty_weight in cfg.penalty_weights:
        net = TwoLayerNet(
            hidden=cfg.hidden, std=0.5, penalty_weight=penalty_weight, rate=0.1, **descent
        )
        found[f"two_layers_decay_{penalty_weight:g}"] = Contestant(net)
    for k in cfg.neighbor_counts:
        found[f"{k}_nearest"] = Contestant(KNearest(k=k))
    return found


def polar(x: Host) -> Host:
    """Distance from and angle around the middle: rings become two straight bands. -> `(N, 2)`."""
    return np.stack([np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 1], x[:, 0])], axis=1)


def draw_regions(
    fitted: dict[str, Contestant], x: Host, y: Host, metrics: Numbers, resolution: int
) -> Figure:
    """A panel per classifier: the label that it gives to each point of the plane, and the rows."""
    low, high = x.min(axis=0) - 0.3, x.max(axis=0) + 0.3
    across, down = (np.linspace(low[i], high[i], resolution) for i in (0, 1))
    plane = np.stack(np.meshgrid(across, down), axis=2).reshape(-1, 2).astype(np.float32)
    rows = -(-len(fitted) // 3)
    figure = Figure(rows, 3, size=(9, 3 * rows))
    for axis in figure.axes:
        axis.set_axis_off()
    for axis, (name, (model, features)) in zip(figure.axes, fitted.items(), strict=False):
        labels = model.predict(features(plane)).reshape(resolution, resolution)
        levels = np.arange(len(COLORS) + 1) - 0.5  # a band for each label, of its own color
        axis.contourf(across, down, labels, levels=levels, colors=COLORS, alpha=0.35)
        axis.scatter(
            *x.T, c=[COLORS[label] for label in y], s=8, edgecolors="white", linewidths=0.3
        )
        test = metrics[f"test_accuracy_{name}"]
        axis.set_title(f"{name.replace('_', ' ')}: {test:.0%} right (test)", fontsize=9)
    return figure


if __name__ == "__main__":
    main(__file__)
