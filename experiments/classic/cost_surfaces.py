"""Squared and log cost of a classifier over slope and bias: jaxdl run hours_cost_surfaces."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classic.cost_surface import cost_surface
from jaxdl.classic.gradient_descent import gradient_descent
from jaxdl.classic.regression import (
    Line,
    log_cost,
    predict_line,
    squared_logistic_cost,
    zero_line,
)
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ToyData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

COSTS = {"squared": squared_logistic_cost, "log": log_cost}


@dataclass(frozen=True)
class Config:
    """Rows of one feature and two classes, and the grid over which costs are drawn."""

    data: DataConfig = ToyData(name="hours", synthetic_rows=3)
    axis_range: float = 10.0
    """Slope and bias run from minus this to this."""
    resolution: int = 101
    """Points along each."""
    steps: int = 1000
    """Of descent on the log cost from zero."""
    lr: float = 0.01
    """Its rate."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Fits, draws both surfaces and the fitted probability, and reports the line."""
    began = time.perf_counter()
    train = load_splits(cfg.data)["train"]
    x, y = train.read("input"), train.read("label")
    y = y.astype(np.float32)
    grid = jnp.linspace(-cfg.axis_range, cfg.axis_range, cfg.resolution, dtype=jnp.float32)
    metrics: Numbers = {}
    surfaces = {}
    for name, cost in COSTS.items():

        def at(w: jax.Array, b: jax.Array, cost=cost) -> jax.Array:
            return cost(Line(w[None], b), x, y)

        surfaces[name] = np.asarray(cost_surface(at, grid, grid))
        metrics[f"non_convex_share_{name}"] = share_not_convex(at, grid)
    line, _ = gradient_descent(log_cost, zero_line(x.shape[1]), x, y, rate=cfg.lr, steps=cfg.steps)
    slope, bias = float(line.weight[0]), float(line.bias)
    metrics |= {"slope": slope, "bias": bias, "boundary": -bias / slope}
    draw_costs(surfaces, np.asarray(grid)).save(run_dir / "cost_surfaces.png")
    draw_probability(line, x, y).save(run_dir / "probability.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(
        cfg, metrics, seconds, rows=len(x), params=line._asdict(), synthetic=train.synthetic
    )


def share_not_convex(at, grid: jax.Array) -> float:
    """The share of grid points at which the Hessian has an eigenvalue below -1e-4."""

    def least(w: jax.Array, b: jax.Array) -> jax.Array:
        hessian = jax.hessian(lambda p: at(p[0], p[1]))(jnp.stack([w, b]))
        return jnp.linalg.eigvalsh(hessian)[0]

    return float(jnp.mean(jax.jit(cost_surface, static_argnums=0)(least, grid, grid) < -1e-4))


def draw_costs(surfaces: dict[str, Host], grid: Host) -> Figure:
    """Contours of each cost over slope and bias."""
    figure = Figure(1, len(surfaces), size=(4.5 * len(surfaces), 4))
    for axis, (name, surface) in zip(figure.axes, surfaces.items(), strict=True):
        drawn = axis.contourf(grid, grid, surface.T, levels=30, cmap="viridis")
        axis.set(title=f"{name} cost", xlabel="slope w", ylabel="bias b")
        figure.figure.colorbar(drawn, ax=axis)
    return figure


def draw_probability(line: Line, x: Host, y: Host) -> Figure:
    """The fitted probability over 0 to 10 hours, and where it passes one half."""
    figure = Figure(size=(5, 3.2))
    (axis,) = figure.axes
    hours = np.linspace(0, 10, 200, dtype=np.float32)
    axis.plot(hours, jax.nn.sigmoid(predict_line(line, hours[:, None])))
    axis.scatter(x[:, 0], y, color="red")
    axis.axhline(0.5, color="gray", ls="--")
    axis.set(xlabel="hours", ylabel="probability of passing")
    return figure


if __name__ == "__main__":
    main(__file__)
