"""Which points of a cloud stand for the others, and which are near them: fixed shapes, batched."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array


def squared_distances(a: Array, b: Array) -> Array:
    """All pairs: `(B, N, 3)`, `(B, M, 3)` -> `(B, N, M)`, without cancellation."""
    away = jnp.zeros((*a.shape[:2], b.shape[1]), a.dtype)
    for i in range(a.shape[2]):
        away += (a[:, :, None, i] - b[:, None, :, i]) ** 2
    return away


def farthest_points(points: Array, count: int) -> Array:
    """`count` points far from each other, `(B, N, 3)` -> their rows `(B, count)` int32.

    The first is row 0, each further one the farthest from all before (Gonzalez 1985; Qi et al.
    2017, arXiv 1706.02413, section 3.2).
    """
    check_rank("farthest_points: points", points, 3)
    if not 1 <= count <= points.shape[1]:
        raise ValueError(f"farthest_points: count must lie in 1..{points.shape[1]}, got {count}")

    def take(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        rows, away = carry
        last = jnp.take_along_axis(points, rows[:, i - 1][:, None, None], axis=1)
        away = jnp.minimum(away, jnp.sum((points - last) ** 2, axis=-1))
        return rows.at[:, i].set(jnp.argmax(away, axis=1).astype(jnp.int32)), away

    start = jnp.zeros((len(points), count), jnp.int32), jnp.full(points.shape[:2], jnp.inf)
    return lax.fori_loop(1, count, take, start)[0]


def ball_neighbors(points: Array, centers: Array, *, radius: float, count: int) -> Array:
    """The `count` nearest points within `radius` of each center (as above, section 3.2).

    `(B, N, 3)`, `(B, M, 3)` -> rows `(B, M, count)`; where fewer are within, the nearest stands in
    for the others.
    """
    check_positive("ball_neighbors: radius", radius)
    # Unless it is kept apart, XLA's CPU compiler merges the slice below into a full sort.
    away, rows = lax.optimization_barrier(lax.top_k(-squared_distances(centers, points), count))
    return jnp.where(-away <= radius**2, rows, rows[..., :1])


def gather_points(values: Array, rows: Array) -> Array:
    """`(B, N, C)`, rows `(B, ...)` -> `(B, ..., C)`."""
    return jax.vmap(lambda v, r: v[r])(values, rows)


class Interpolation(NamedTuple):
    """The three nearest known points and their weights, `(B, N, 3)` each."""

    rows: Array
    weights: Array


def interpolation(known: Array, wanted: Array) -> Interpolation:
    """Inverse squared distances of the three nearest (as above, eq. 2); weights sum to 1."""
    away, rows = lax.top_k(-squared_distances(wanted, known), min(3, known.shape[1]))
    weights = 1 / (1e-8 - away)
    return Interpolation(rows, weights / jnp.sum(weights, axis=-1, keepdims=True))


def interpolate(values: Array, at: Interpolation) -> Array:
    """Values of known points at the wanted ones: `(B, M, C)` -> `(B, N, C)`."""
    return jnp.sum(gather_points(values, at.rows) * at.weights[..., None], axis=2)
