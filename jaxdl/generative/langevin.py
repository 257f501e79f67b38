"""A vector field in the plane, and walks along it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_positive
from jaxdl.draw import Figure
from jaxdl.typing import Array, Host, Key


def plane(extent: float, count: int) -> Host:
    """Points of a square lattice in [-extent, extent]^2: `(count^2, 2)` float32."""
    line = np.linspace(-extent, extent, count)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)


def draw_fields(
    fields: Sequence[Host], points: Host, titles: Sequence[str], *, over: Host | None = None
) -> Figure:
    """Arrows `(N, 2)` at `points (N, 2)`, one panel per field, longer where the field is stronger.

    Lengths are those of the field to the power 1/2, for fields that grow far out. `over` are
    points that are drawn beneath.
    """
    figure = Figure(1, len(fields), size=(4 * len(fields), 4.2))
    for axis, field, title in zip(figure.axes, fields, titles, strict=True):
        if over is not None:
            axis.scatter(*over.T, s=2, color="C1", alpha=0.4)
        length = np.linalg.norm(field, axis=1, keepdims=True)
        arrows = field / np.sqrt(np.maximum(length, 1e-9))
        axis.quiver(*points.T, *arrows.T, color="0.3", angles="xy")
        axis.set(title=title, aspect="equal")
    return figure


def log_density_slope(log_density: Callable[[Host], Host], points: Host, step: float = 1e-4) -> Any:
    """The gradient of a log density by central differences: `(N, 2)` -> `(N, 2)` float64."""
    points = np.asarray(points, np.float64)
    slopes = []
    for d in range(points.shape[1]):
        shift = step * np.eye(points.shape[1])[d]
        slopes.append((log_density(points + shift) - log_density(points - shift)) / (2 * step))
    return np.stack(slopes, axis=1)


def langevin(
    score_fn: Callable[[Array], Array], start: Array, key: Key, *, step: float, count: int
) -> Array:
    """x += step / 2 s(x) + sqrt(step) noise, `count` times: `(N, D)` (1907.05600, eq. 4)."""
    check_positive("langevin: step", step)

    def move(i: Any, x: Array) -> Array:
        noise = jax.random.normal(jax.random.fold_in(key, i), x.shape, x.dtype)
        return x + 0.5 * step * score_fn(x) + jnp.sqrt(step) * noise

    return jax.lax.fori_loop(0, count, move, start)
