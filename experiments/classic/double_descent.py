"""The test error over a model's width, past the rows it fits: jaxdl run mnist_double_descent."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxdl.checks import UsageError, check_at_least, check_fraction
from jaxdl.classic.random_features import least_norm_fit, random_relu_features
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host


@dataclass(frozen=True)
class Config:
    """Rows, their noise, and the widths."""

    data: DataConfig = DataConfig(name="digits")
    rows: int = 500
    """Training rows that are fitted."""
    noise: float = 0.2
    """The share of their labels that is drawn anew."""
    widths: tuple[int, ...] = (
        10,
        25,
        50,
        100,
        200,
        300,
        400,
        450,
        500,
        550,
        600,
        800,
        1200,
        2500,
        5000,
    )
    """How many random features."""
    draws: int = 3
    """Each width is drawn so often."""
    seed: int = 0
    """Of the rows, the noise and the features."""

    def __post_init__(self) -> None:
        check_at_least("rows", self.rows, 2)
        check_at_least("draws", self.draws, 1)
        check_fraction("noise", self.noise)
        if not self.widths or list(self.widths) != sorted(set(self.widths)) or self.widths[0] < 1:
            raise UsageError(f"widths must rise from 1 on, got {self.widths}")


def run(cfg: Config, run_dir: Path) -> Report:
    """Fits every width, draws and reports."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    classes = len(splits["train"].classes)
    if splits["train"].size < cfg.rows:
        raise UsageError(f"rows must be at most {splits['train'].size}, got {cfg.rows}")
    test = as_rows(splits["test"], np.arange(splits["test"].size))
    errors = np.zeros((len(cfg.widths), cfg.draws, 2))
    for draw in range(cfg.draws):
        rng = np.random.default_rng([cfg.seed, draw])
        x, label = as_rows(splits["train"], rng.permutation(splits["train"].size)[: cfg.rows])
        drawn = rng.random(cfg.rows) < cfg.noise
        label = np.where(drawn, rng.integers(0, classes, cfg.rows), label)
        for i, width in enumerate(cfg.widths):
            errors[i, draw] = errors_of(width, (x, label), test, classes, seed=draw + cfg.seed)
    draw_widths(cfg, errors).save(run_dir / "widths.png")
    numbers = describe(cfg.widths, errors.mean(axis=1))
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, numbers, seconds, rows=errors[..., 0].size * cfg.rows)


def as_rows(split: Split, chosen: Host) -> tuple[Host, Host]:
    """Pictures as rows `(N, H W C)` in [-.5, .5], and their labels."""
    batch = split.batch(chosen)
    return batch["image"].reshape(len(chosen), -1) / 255.0 - 0.5, np.asarray(batch["label"])


def errors_of(
    width: int, train: tuple[Host, Host], test: tuple[Host, Host], classes: int, *, seed: int
) -> tuple[float, float]:
    """The shares of wrong training and test rows, by the largest of least squares' one-hot sums."""
    features = random_relu_features(train[0], width, seed=seed)
    weights = least_norm_fit(features, np.eye(classes)[train[1]])
    asked = random_relu_features(test[0], width, seed=seed)
    said = (np.argmax(made @ weights, axis=1) for made in (features, asked))
    wrong = [float(np.mean(a != b)) for a, b in zip(said, (train[1], test[1]), strict=True)]
    return wrong[0], wrong[1]


def describe(widths: tuple[int, ...], errors: Host) -> dict[str, float]:
    """The peak of the test errors `(W, 2)`, what lies before it, and the widest."""
    test = errors[:, 1]
    peak = int(np.argmax(test[1:])) + 1 if len(test) > 1 else 0  # the narrowest only guesses
    return {
        "peak_error": float(test[peak]),
        "peak_width": float(widths[peak]),
        "first_least_error": float(test[: peak + 1].min()),
        "last_error": float(test[-1]),
        "last_train_error": float(errors[-1, 0]),
    }


def draw_widths(cfg: Config, errors: Host) -> Figure:
    """Both errors over the width, mean and range of the draws, and where width equals rows."""
    figure = Figure(size=(6.5, 4))
    (axis,) = figure.axes
    for k, name in enumerate(("training rows, noise included", "test rows")):
        mean = errors[..., k].mean(axis=1)
        axis.plot(cfg.widths, 100 * mean, marker="o", markersize=3, label=name)
        low, high = errors[..., k].min(axis=1), errors[..., k].max(axis=1)
        axis.fill_between(cfg.widths, 100 * low, 100 * high, alpha=0.25)
    axis.axvline(cfg.rows, color="gray", linestyle=":", label=f"as many as rows, {cfg.rows}")
    axis.set(xscale="log", xlabel="random features", ylabel="wrong (%)", ylim=(0, 100))
    axis.set_title(f"{cfg.data.name}: least squares on {cfg.rows} rows, {cfg.noise:.0%} noise")
    axis.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(__file__)
