"""Distances between sets of points, in which the order of the points plays no part."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import logsumexp

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array

ROWS = 256  # points that are compared with a whole set at once
TINY = 1e-20


def chamfer(a: Array, b: Array, *, mean: bool = False) -> Array:
    """sum_x min_y |x - y|^2 + sum_y min_x |x - y|^2 (Fan et al. 2017, arXiv 1612.00603, eq. 1).

    Args: `a` `(B, N, 3)`, `b` `(B, M, 3)`; `mean`: means over x and over y instead of sums.
    Returns: `(B,)`. A single far point adds the square of its distance: see `metrics/shapes.py`
    for scores that it moves less.
    """
    over = jnp.mean if mean else jnp.sum
    there = squared_to_nearest(a, b)
    return over(there, axis=1) + over(squared_to_nearest(b, a), axis=1)


def squared_to_nearest(a: Array, b: Array) -> Array:
    """The squared distance from each of `a` to the nearest of `b`, `(B, N)`.

    The gradient goes to both points of a pair.
    """
    nearest = nearest_in_set(a, b)
    return jnp.sum((a - jnp.take_along_axis(b, nearest[..., None], axis=1)) ** 2, axis=-1)


def nearest_in_set(a: Array, b: Array) -> Array:
    """Which of `b` is nearest to each of `a`: `(B, N, 3)`, `(B, M, 3)` -> `(B, N)` int32.

    All pairs are compared, some rows at a time, so that no `(N, M)` array is kept. For one large
    pair of sets outside of a gradient `ops/nearest_in_space.py` does less.
    """
    check_rank("nearest_in_set: a", a, 3)
    check_rank("nearest_in_set: b", b, 3)
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[2]:
        raise ValueError(f"nearest_in_set: sets must match, got {a.shape} and {b.shape}")
    a, b = lax.stop_gradient((a, b))
    rows = min(ROWS, a.shape[1])
    padded = jnp.pad(a, ((0, 0), (0, -a.shape[1] % rows), (0, 0)))
    pieces = jnp.moveaxis(padded.reshape(len(a), -1, rows, a.shape[2]), 1, 0)

    def piece(part: Array) -> Array:
        away = jnp.zeros((*part.shape[:2], b.shape[1]), part.dtype)
        for i in range(b.shape[2]):
            away += (part[:, :, None, i] - b[:, None, :, i]) ** 2
        return jnp.argmin(away, axis=2).astype(jnp.int32)

    found = jnp.moveaxis(lax.map(piece, pieces), 0, 1)
    return found.reshape(len(a), -1)[:, : a.shape[1]]


def sinkhorn(
    a: Array, b: Array, *, blur: float = 0.01, steps: int = 100, power: float = 1.0
) -> Array:
    """The earth mover's distance with entropy (Cuturi 2013, arXiv 1306.0895), in logarithms.

    min_P sum P_ij |a_i - b_j|^power + blur sum P_ij log P_ij, P with row sums 1 / N and column sums
    1 / M; what it gives is the first sum alone, above the distance and near it for a small `blur`.

    Args: `a` `(B, N, 3)`, `b` `(B, M, 3)`; `steps` updates of both potentials. Returns: `(B,)`.
    """
    check_positive("sinkhorn: blur", blur)
    check_positive("sinkhorn: steps", steps)
    check_positive("sinkhorn: power", power)
    squares = jnp.sum((a[:, :, None] - b[:, None]) ** 2, axis=-1)
    cost = (squares + TINY) ** (power / 2)
    # Rows and columns each sum to log(1 / N), log(1 / M) after their update.
    small, large = jnp.log(a.shape[1] * 1.0), jnp.log(b.shape[1] * 1.0)

    @partial(jax.checkpoint, prevent_cse=False)
    def update(potentials: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        g = potentials[1]
        f = -blur * (logsumexp((g[:, None] - cost) / blur, axis=2) + small)
        g = -blur * (logsumexp((f[:, :, None] - cost) / blur, axis=1) + large)
        return (f, g), None

    start = jnp.zeros(cost.shape[:2]), jnp.zeros((cost.shape[0], cost.shape[2]))
    (f, g), _ = lax.scan(update, start, None, length=steps)
    plan = jnp.exp((f[:, :, None] + g[:, None] - cost) / blur)
    return jnp.sum(plan * cost, axis=(1, 2))
