"""Rows of a table by number, with a gradient that is a product."""

import jax

from jaxdl.checks import check_rank
from jaxdl.typing import Array


@jax.custom_vjp
def lookup(table: Array, ids: Array) -> Array:
    """table[ids]: `(V, D)`, ids `(...)` -> `(..., D)`.

    The gradient is one-hot(ids)^T g, a product; a scatter, what it is by default, runs on one core.
    Nothing checks here that ids lie in [0, V): do that on the host.
    """
    check_rank("lookup: table", table, 2)
    return table[ids]


def _forward(table: Array, ids: Array) -> tuple[Array, tuple[Array, int]]:
    return lookup(table, ids), (ids, len(table))


def _backward(residuals: tuple[Array, int], cotangent: Array) -> tuple[Array, None]:
    ids, size = residuals
    hot = jax.nn.one_hot(ids.reshape(-1), size, dtype=cotangent.dtype)
    return hot.T @ cotangent.reshape(-1, cotangent.shape[-1]), None


lookup.defvjp(_forward, _backward)
