"""Distances between all rows of two arrays, and the smallest of many."""

import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array, ArrayLike


def squared_euclidean(a: ArrayLike, b: ArrayLike) -> Array:
    """||a_i - b_j||^2 as ||a_i||^2 - 2 a_i b_j + ||b_j||^2: one matrix product.

    Both are moved by the mean of `b` first, which changes no distance and keeps the cancellation
    at the size of the spread instead of the size of the values. `(N, D)`, `(M, D)` -> `(N, M)`.
    """
    a, b = _pair("squared_euclidean", a, b)
    center = jnp.mean(b, axis=0, keepdims=True)
    a, b = a - center, b - center
    cross = jnp.matmul(a, b.T, precision=lax.Precision.HIGHEST)
    squares = jnp.sum(a**2, axis=1)[:, None] + jnp.sum(b**2, axis=1)[None, :]
    return jnp.maximum(squares - 2 * cross, 0)


def euclidean(a: ArrayLike, b: ArrayLike) -> Array:
    """||a_i - b_j||_2, `(N, D)`, `(M, D)` -> `(N, M)`; its gradient at equal points is 0."""
    squares = squared_euclidean(a, b)
    apart = squares > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squares, 1)), 0)


def manhattan(a: ArrayLike, b: ArrayLike, *, chunk: int = 16) -> Array:
    """sum_d |a_id - b_jd|, `(N, D)`, `(M, D)` -> `(N, M)`.

    `chunk` features are added at a time, so that the `(N, M)` sums stay in the cache and no
    `(N, M, D)` array exists.
    """
    a, b = _pair("manhattan", a, b)
    check_positive("manhattan: chunk", chunk)
    pad = -a.shape[1] % chunk  # zeros on both sides add nothing to a distance
    a, b = (jnp.pad(x, ((0, 0), (0, pad))).T.reshape(-1, chunk, len(x)) for x in (a, b))

    def add(total, features):
        p, q = features
        for i in range(chunk):
            total = total + jnp.abs(p[i][:, None] - q[i][None, :])
        return total, None

    return lax.scan(add, jnp.zeros((a.shape[2], b.shape[2]), a.dtype), (a, b))[0]


def unit_rows(x: Array) -> Array:
    """x / |x| over the last axis, `(..., D)`; the gradient of a row of zeros is finite."""
    return x * lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-12)


def smallest(values: Array, k: int, *, group: int = 16) -> tuple[Array, Array]:
    """The `k` smallest of each row in rising order, the lower index first among equals.

    The k smallest lie in the k groups of neighbors with the smallest minima, so one cheap pass
    leaves `k * group` candidates to sort. `(N, M)` -> values `(N, k)`, indices `(N, k)`.
    """
    check_rank("smallest: values", values, 2)
    rows, columns = values.shape
    if not 1 <= k <= columns:
        raise ValueError(f"smallest: k must lie in [1, {columns}], got {k}")
    if columns <= 2 * k * group:
        found, index = lax.top_k(-values, k)
        return -found, index
    values = jnp.pad(values, ((0, 0), (0, -columns % group)), constant_values=jnp.inf)
    groups = values.reshape(rows, -1, group)
    _, chosen = lax.top_k(-jnp.min(groups, axis=2), k)
    chosen = jnp.sort(chosen, axis=1)  # candidates in their old order: ties stay with the lower
    candidates = jnp.take_along_axis(groups, chosen[:, :, None], axis=1).reshape(rows, k * group)
    found, index = lax.top_k(-candidates, k)
    index = jnp.take_along_axis(chosen, index // group, axis=1) * group + index % group
    return -found, index


def _pair(who: str, a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Both as floating point, refused unless they are rows of one length."""
    check_rank(f"{who}: a", a, 2)
    check_rank(f"{who}: b", b, 2)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{who}: rows must have one length, got {a.shape[1]} and {b.shape[1]}")
    dtype = jnp.result_type(a, b, jnp.float32)
    return jnp.asarray(a, dtype), jnp.asarray(b, dtype)
