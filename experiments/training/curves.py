"""Every activation with its derivative, and every schedule: jaxdl run line_curves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, LineData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.ops.activation import ACTIVATIONS, leaky_relu
from jaxdl.optim.schedules import SCHEDULES, make_schedule
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host

# What a net learns to be otherwise: PReLU at its start, a maximum of two lines.
LEARNED: dict[str, Callable[[Array], Array]] = {
    "prelu (start)": partial(leaky_relu, slope=0.25),
    "maxout of x, -x/2": lambda x: jnp.maximum(x, -x / 2),
}


@dataclass(frozen=True)
class Config:
    """What is drawn."""

    data: DataConfig = LineData()
    steps: int = 1000
    """Length of a run, for the schedules."""
    warmup: int = 50
    """Warm-up steps of the schedules."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws both pictures; reports the steepest slope of each activation."""
    began = time.perf_counter()
    train = load_splits(cfg.data)["train"]
    x = train.read("input")
    curves = values_and_slopes(ACTIVATIONS | LEARNED, x)
    draw_activations(x, curves).save(run_dir / "activations.png")
    draw_schedules(cfg).save(run_dir / "schedules.png")
    steepest = {f"steepest_{name}": curves[name][1].max() for name in ACTIVATIONS}
    seconds = {"total": time.perf_counter() - began}
    metrics = {name: float(value) for name, value in steepest.items()}
    return report_numbers(cfg, metrics, seconds, rows=len(x), synthetic=train.synthetic)


def values_and_slopes(
    functions: dict[str, Callable[[Array], Array]], x: Host
) -> dict[str, tuple[Host, Host]]:
    """Name -> f(x) and f'(x)."""

    @jax.jit
    def both(x: Array) -> dict[str, Any]:
        return {name: jax.vmap(jax.value_and_grad(f))(x) for name, f in functions.items()}

    found = both(jnp.asarray(x))
    return {name: (np.asarray(found[name][0]), np.asarray(found[name][1])) for name in functions}


def draw_activations(x: Host, curves: dict[str, tuple[Host, Host]]) -> Figure:
    """A panel each."""
    figure = Figure(3, 6, size=(13, 6.5))
    for axis, (name, (value, slope)) in zip(figure.axes, curves.items(), strict=False):
        axis.plot(x, value, label="f")
        axis.plot(x, slope, "--", label="f'")
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=7)
    figure.axes[-1].set_axis_off()
    return figure


def draw_schedules(cfg: Config) -> Figure:
    """The factor on the rate over a run, with warm-up; restarts twice as long each time."""
    figure = Figure(2, 4, size=(11, 4.2))
    t = jnp.arange(cfg.steps)
    for axis, name in zip(figure.axes, SCHEDULES, strict=False):
        first, mult = (1 / 7, 2.0) if name == "restarts" else (0.25, 1.0)
        shape = make_schedule(
            name, cfg.steps, warmup=cfg.warmup, first_cycle=first, cycle_mult=mult
        )
        axis.plot(t, jax.jit(jax.vmap(shape))(t))
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    figure.axes[-1].set_axis_off()
    return figure


if __name__ == "__main__":
    main(__file__)
