"""Rows of a table by number, with a gradient that on a CPU is a product."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.ops.forms.by_platform import PlatformOp
from jaxdl.typing import Array


def lookup(table: Array, ids: Array) -> Array:
    """table[ids]: `(V, D)`, ids `(...)` -> `(..., D)`.

    The gradient on a CPU is one-hot(ids)^T g, a product; a scatter, what it is elsewhere, runs on
    one core there. Nothing checks here that ids lie in [0, V): do that on the host.
    """
    check_rank("lookup: table", table, 2)
    return _rows(table, ids)[0]


def _take(table: Array, ids: Array) -> tuple[Array]:
    return (table[ids],)


def _hot(grad: Array, ids: Array, *, size: int) -> tuple[Array]:
    hot = jax.nn.one_hot(ids.reshape(-1), size, dtype=grad.dtype)
    return (hot.T @ grad.reshape(-1, grad.shape[-1]),)


def _scatter(grad: Array, ids: Array, *, size: int) -> tuple[Array]:
    return (jnp.zeros((size, grad.shape[-1]), grad.dtype).at[ids].add(grad),)


def _rows_jvp(args: Sequence[Array], tangents: Mapping[int, Array]) -> Any:
    return _rows(*args), _rows(tangents[0], args[1])


def _rows_transpose(unknown: Any, cotangents: Any, args: Any, shapes: Any) -> list[Array]:
    return _sums(cotangents[0], args[1], size=shapes[0][0])


def _sums_jvp(args: Sequence[Array], tangents: Mapping[int, Array], *, size: int) -> Any:
    return _sums(*args, size=size), _sums(tangents[0], args[1], size=size)


def _sums_transpose(
    unknown: Any, cotangents: Any, args: Any, shapes: Any, *, size: int
) -> list[Array]:
    return _rows(cotangents[0], args[1])


_rows = PlatformOp("jaxdl_lookup", cpu=_take, stock=_take, jvp=_rows_jvp, transpose=_rows_transpose)
_sums = PlatformOp(
    "jaxdl_lookup_gradient", cpu=_hot, stock=_scatter, jvp=_sums_jvp, transpose=_sums_transpose
)
