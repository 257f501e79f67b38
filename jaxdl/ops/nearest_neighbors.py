"""Exact nearest rows: most of the work in few dimensions, every answer proved or recomputed.

An orthonormal basis that holds most of the variance splits each distance in a head, which one
small matrix product gives, and a tail, which is at least the difference of the two tails' lengths:

    ||q - x||^2 >= ||head(q) - head(x)||^2 + (||tail(q)|| - ||tail(x)||)^2

The rows with the smallest bounds are compared in full. Where the smallest bound among the others is
above the k-th distance found, nothing was missed; the few queries where it is not are compared
with all rows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_one_of, check_positive, check_rank
from jaxdl.ops.distance import manhattan, smallest
from jaxdl.typing import Array, ArrayLike, Host

SLACK = 1e-5  # of the squared norms: what float32 may lose in a bound, with room to spare
EXTRA = 8  # candidates besides the k that rounding in the expanded form may have reordered
TOGETHER = 50  # queries that an accelerator compares at once; a CPU takes one after the other
HEAD = 384  # dimensions of the basis; rows shorter than four times that are compared in full

# On accelerators the rounded products of networks would order rows wrongly, and break the bounds.
product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)


class Index(NamedTuple):
    """Rows made ready for searches: centered, with their norms; `basis` is None for short rows."""

    center: Array  # (1, D)
    points: Array  # (M, D) centered
    squares: Array  # (M,)
    basis: Array | None = None  # (D, H), orthonormal columns
    heads: Array | None = None  # (M, H)


def nearest(
    queries: ArrayLike, points: ArrayLike, *, k: int, metric: str = "l2", block: int = 500
) -> tuple[Host, Host]:
    """The `k` nearest rows of `points` for each query, nearest first; equals by rising index.

    Args: `queries` `(N, D)`, `points` `(M, D)`; `metric` "l2" or "l1"; `block` queries at a time.
    Returns: distances `(N, k)` (L2: not squared) and indices `(N, k)`.
    """
    check_one_of("nearest: metric", metric, ("l2", "l1"))
    if metric == "l1":
        return in_blocks(partial(_nearest_l1, points=jnp.asarray(points), k=k), queries, block)
    return search(make_index(points), queries, k=k, block=block)


def make_index(points: ArrayLike, *, head: int = HEAD) -> Index:
    """Centers `points` `(M, D)` and, where rows are long, projects them on `head` dimensions."""
    check_rank("make_index: points", points, 2)
    check_positive("make_index: head", head)
    return _make_index(jnp.asarray(points), head if points.shape[1] >= 4 * head else 0)


def search(
    index: Index, queries: ArrayLike, *, k: int, block: int = 500, candidates: int | None = None
) -> tuple[Host, Host]:
    """As `nearest` with L2, in rows made ready once. `candidates` rows are compared in full."""
    check_rank("search: queries", queries, 2)
    if not 1 <= k <= len(index.points):
        raise ValueError(f"search: k must lie in [1, {len(index.points)}], got {k}")
    everywhere = partial(_search_all, index, k=k)
    candidates = candidates or 5 * k + 78
    if index.basis is None or candidates >= len(index.points):
        return in_blocks(everywhere, queries, block)
    bounded = partial(_search_bounded, index, k=k, candidates=candidates)
    distances, indices, proved = in_blocks(bounded, queries, block)
    (open_,) = np.nonzero(~proved)
    if len(open_):
        distances[open_], indices[open_] = in_blocks(everywhere, np.asarray(queries)[open_], block)
    return distances, indices


def in_blocks(function: Callable[[Array], tuple[Array, ...]], rows: ArrayLike, block: int) -> Any:
    """`function` over `block` rows at a time, one shape for all; results on the host."""
    check_positive("in_blocks: block", block)
    block = min(block, len(rows))
    parts = []
    for start in range(0, len(rows), block):
        part = jnp.asarray(rows[start : start + block])
        parts.append(function(jnp.pad(part, ((0, block - len(part)), (0, 0)))))
    return tuple(np.concatenate(column)[: len(rows)] for column in zip(*parts, strict=True))


@partial(jax.jit, static_argnames="head")
def _make_index(points: Array, head: int) -> Index:
    points = points.astype(jnp.float32)
    center = jnp.mean(points, axis=0, keepdims=True)
    points = points - center
    squares = jnp.sum(points**2, axis=1)
    if not head:
        return Index(center, points, squares)
    sample = points[:: max(1, len(points) // 2048)]
    draw = jax.random.normal(jax.random.key(0), (points.shape[1], head), points.dtype)
    # One power step of a random projection: near the leading principal directions, and cheap.
    basis = product(sample.T, product(sample, draw))
    basis = jnp.linalg.qr(product(sample.T, product(sample, basis)))[0]
    return Index(center, points, squares, basis, product(points, basis))


@partial(jax.jit, static_argnames="k")
def _search_all(index: Index, queries: Array, *, k: int) -> tuple[Array, Array]:
    """The expanded form over all rows chooses k and a few more, which are compared in full."""
    queries = queries.astype(jnp.float32) - index.center
    # The queries' own norm shifts a whole row and orders nothing.
    order = index.squares[None, :] - product(2 * queries, index.points.T)
    _, found = smallest(order, min(k + EXTRA, len(index.points)))
    return _compare(index, queries, found, k)


@partial(jax.jit, static_argnames=("k", "candidates"))
def _search_bounded(
    index: Index, queries: Array, *, k: int, candidates: int
) -> tuple[Array, Array, Array]:
    """As `_search_all`, and whether the bounds prove each row's answer, `(N,)`."""
    assert index.basis is not None, "an index without a basis"
    assert index.heads is not None, "an index without heads"
    queries = queries.astype(jnp.float32) - index.center
    heads, squares = product(queries, index.basis), jnp.sum(queries**2, axis=1)
    heads_squared, index_squared = (jnp.sum(h**2, axis=1) for h in (heads, index.heads))
    low, high = _tail_range(squares, heads_squared)
    index_low, index_high = _tail_range(index.squares, index_squared)
    tail = jnp.maximum(low[:, None] - index_high[None, :], index_low[None, :] - high[:, None])
    bounds = heads_squared[:, None] + index_squared[None, :]
    bounds = bounds - product(2 * heads, index.heads.T) + jnp.maximum(tail, 0) ** 2
    bounds = bounds - SLACK * (squares[:, None] + index.squares[None, :])
    kept, found = smallest(bounds, candidates)
    distances, indices = _compare(index, queries, found, k)
    return distances, indices, kept[:, -1] > distances[:, -1] ** 2


def _tail_range(squares: Array, heads_squared: Array) -> tuple[Array, Array]:
    """The least and greatest that sqrt(squares - heads_squared) can be before rounding."""
    tail, slack = squares - heads_squared, SLACK * squares
    return jnp.sqrt(jnp.maximum(tail - slack, 0)), jnp.sqrt(jnp.maximum(tail + slack, 0))


def _compare(index: Index, queries: Array, found: Array, k: int) -> tuple[Array, Array]:
    """The k nearest of the `found` rows `(N, candidates)` by sums of squared differences."""
    found = jnp.sort(found, axis=1)

    def one(pair):
        query, rows = pair
        return jnp.sum((index.points[rows] - query[None, :]) ** 2, axis=1)

    rows = lax.platform_dependent(
        (queries, found),
        cpu=partial(lax.map, one),
        default=partial(lax.map, one, batch_size=TOGETHER),
    )
    distances, order = smallest(rows, k)
    return jnp.sqrt(distances), jnp.take_along_axis(found, order, axis=1)


@partial(jax.jit, static_argnames="k")
def _nearest_l1(queries: Array, *, points: Array, k: int) -> tuple[Array, Array]:
    return smallest(manhattan(queries, points), k)
