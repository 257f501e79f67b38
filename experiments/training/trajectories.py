"""The paths of the optimizers over a valley, a saddle and with noise: jaxdl run valley_paths."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.optim.config import OptimConfig
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Numbers

START = (-2.0, 1.0)
RATES = {
    "sgd": 0.09,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.5,
    "rmsprop": 0.05,
    "adam": 0.2,
}


@dataclass(frozen=True)
class SurfaceConfig:
    """The surface x^2 / 2 + steepness y^2 / 2; the saddle is x^2 / 2 - y^2 / 2 + y^4 / 4."""

    steepness: float = 20.0
    """How much steeper the valley's walls are than its floor."""
    noise: float = 4.0
    """Deviation of what is added to the gradients in the third picture."""


@dataclass(frozen=True)
class Config:
    """The surfaces, and how long the walks are."""

    surface: SurfaceConfig = SurfaceConfig()
    steps: int = 60
    """Updates."""
    seed: int = 0
    """Of the noise."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws every path, and reports how high above the minimum each ends."""
    began = time.perf_counter()
    metrics: Numbers = {}
    figure = Figure(1, 3, size=(14, 4.2))
    paths = jax.tree.map(np.asarray, jax.jit(partial(walks, cfg))())
    for axis, (title, (surface, _)) in zip(figure.axes, surfaces(cfg).items(), strict=True):
        draw_surface(axis, surface)
        for name in RATES:
            path = paths[title][name]
            axis.plot(*path.T, ".-", label=name, linewidth=1, markersize=3)
            metrics[f"end_{title}_{name}"] = float(surface(jnp.asarray(path[-1])))
        axis.set(title=title, xlim=(-2.3, 2.3), ylim=(-1.6, 1.6))
    figure.axes[0].legend(fontsize=7)
    figure.save(run_dir / "paths.png")
    seconds = {"total": time.perf_counter() - began}
    rows = cfg.steps * len(RATES) * 3
    return report_numbers(cfg, metrics, seconds, rows=rows, synthetic=str(cfg.surface))


def surfaces(cfg: Config) -> dict[str, tuple[Any, float]]:
    """Title -> (the function of `(2,)`, the deviation of the gradient's noise)."""

    def valley(p: Array) -> Array:
        return 0.5 * (p[0] ** 2 + cfg.surface.steepness * p[1] ** 2)

    def saddle(p: Array) -> Array:
        return 0.5 * p[0] ** 2 - 0.5 * p[1] ** 2 + 0.25 * p[1] ** 4 + 0.25

    return {"valley": (valley, 0.0), "saddle": (saddle, 0.0), "noisy": (valley, cfg.surface.noise)}


def walks(cfg: Config) -> dict[str, dict[str, Array]]:
    """Title -> name -> the points of the path, `(steps + 1, 2)`."""
    return {
        title: {
            name: walk(cfg, surface, name, rate, noise, flat=title == "saddle")
            for name, rate in RATES.items()
        }
        for title, (surface, noise) in surfaces(cfg).items()
    }


def walk(cfg: Config, surface: Any, name: str, rate: float, noise: float, *, flat: bool) -> Array:
    """One path, `(steps + 1, 2)`; where it is `flat` across it starts next to the ridge."""
    tx = make_optimizer(OptimConfig.choose(name)(name=name, lr=rate), cfg.steps)
    start = {"p": jnp.array([START[0], 1e-3 if flat else START[1]])}

    def one(carry: Any, key: Array) -> tuple[Any, Array]:
        params, state = carry
        slope = jax.grad(lambda p: surface(p["p"]))(params)
        slope = {"p": slope["p"] + noise * jax.random.normal(key, (2,), jnp.float32)}
        updates, state = tx.update(slope, state, params)
        params: Any = optax.apply_updates(params, updates)
        return (params, state), params["p"]

    keys = jax.random.split(jax.random.key(cfg.seed), cfg.steps)
    _, path = jax.lax.scan(one, (start, tx.init(start)), keys)
    return jnp.concatenate([start["p"][None], path])


def draw_surface(axis: Any, surface: Any) -> None:
    """Lines of equal height."""
    x, y = np.meshgrid(np.linspace(-2.3, 2.3, 80), np.linspace(-1.6, 1.6, 80))
    points = jnp.asarray(np.stack([x.ravel(), y.ravel()], axis=1), jnp.float32)
    height = np.asarray(jax.vmap(surface)(points)).reshape(x.shape)
    axis.contour(x, y, height, 25, colors="0.8", linewidths=0.6)


if __name__ == "__main__":
    main(__file__)
