"""A cubic fitted with too few, enough and too many powers: jaxdl run polynomial_fits."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classic.gradient_descent import batch_order, descend_batches
from jaxdl.classic.regression import (
    Line,
    mean_squared_cost,
    polynomial_features,
    predict_line,
    zero_line,
)
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ToyData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers


@dataclass(frozen=True)
class Config:
    """The samples and the fits; half of the rows are for training."""

    data: DataConfig = ToyData(name="polynomial")
    feature_counts: tuple[int, ...] = (4, 2, 20)
    """How many powers each fit is given: the true number, fewer, more."""
    epochs: int = 400
    """Passes over the training rows."""
    lr: float = 0.01
    """Of descent on the mean squared error, in batches of ten."""
    seed: int = 0
    """Of the order of rows."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Fits, draws losses and curves, and reports the last losses."""
    began = time.perf_counter()
    train = load_splits(cfg.data)["train"]
    x, y = train.read("input"), train.read("label")
    half = len(x) // 2
    metrics: Numbers = {}
    fits = {}
    for count in cfg.feature_counts:
        features = np.asarray(polynomial_features(x[:, 0], count=count))
        losses, line = fit(cfg, features[:half], y[:half], features[half:], y[half:])
        metrics[f"train_loss_{count}"], metrics[f"test_loss_{count}"] = losses[-1].tolist()
        exact = least_squares(features[:half], y[:half])
        metrics[f"train_loss_{count}_exact"], metrics[f"test_loss_{count}_exact"] = (
            float(mean_squared_cost(exact, features[rows], y[rows]))
            for rows in (slice(half), slice(half, None))
        )
        fits[count] = losses, line, exact
    draw_fits(fits, x, y).save(run_dir / "polynomials.png")
    metrics |= {
        f"weight_{i}": float(w) for i, w in enumerate(fits[cfg.feature_counts[0]][1].weight)
    }
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(x), synthetic=train.synthetic)


def fit(cfg: Config, x: Host, y: Host, x_test: Host, y_test: Host) -> tuple[Host, Line]:
    """(training and test loss after each of 100 parts of the run `(100, 2)`, the last line).

    The features' first power is the constant, so the line's own bias stays zero.
    """
    order = batch_order(jax.random.key(cfg.seed), len(x), 10, cfg.epochs)
    line, losses = zero_line(x.shape[1]), []
    for part in np.array_split(np.asarray(order), 100):
        line, _ = descend_batches(cost_without_bias, line, part, x, y, rate=cfg.lr)
        losses.append([mean_squared_cost(line, *rows) for rows in ((x, y), (x_test, y_test))])
    return np.asarray(losses), line


def cost_without_bias(line: Line, x: jax.Array, y: jax.Array) -> jax.Array:
    """The mean squared error of x w."""
    return mean_squared_cost(line._replace(bias=jax.lax.stop_gradient(line.bias)), x, y)


def least_squares(x: Host, y: Host) -> Line:
    """Where descent would end after a very long run."""
    weight = np.linalg.lstsq(x.astype(np.float64), y.astype(np.float64))[0]
    return Line(jnp.asarray(weight, jnp.float32), jnp.zeros((), jnp.float32))


def draw_fits(fits: dict[int, tuple[Host, Line, Line]], x: Host, y: Host) -> Figure:
    """Above the losses over the run, below the curves through all rows."""
    figure = Figure(2, len(fits), size=(3.6 * len(fits), 6))
    grid = np.linspace(x.min(), x.max(), 200, dtype=np.float32)
    for i, (count, (losses, line, exact)) in enumerate(fits.items()):
        above, below = figure.axes[i], figure.axes[i + len(fits)]
        above.semilogy(losses[:, 0], label="training")
        above.semilogy(losses[:, 1], label="test")
        above.set(title=f"{count} powers", xlabel="per cent of the run", ylim=(5e-3, 50))
        above.legend(fontsize=8)
        below.scatter(x[:, 0], y, s=5, color="gray")
        features = polynomial_features(grid, count=count)
        below.plot(grid, predict_line(line, features), color="red", label="descent")
        below.plot(grid, predict_line(exact, features), "k--", lw=0.8, label="least squares")
        below.legend(fontsize=8)
        below.set(ylim=(y.min() - 5, y.max() + 5))
    return figure


if __name__ == "__main__":
    main(__file__)
