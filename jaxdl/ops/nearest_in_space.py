"""Nearest points and triangles in space, exactly, by boxes around neighbors.

Queries and what is searched are put in the order of a Morton curve and cut into blocks. What is in
a block's box cannot be nearer than the box: for each block of queries the blocks are taken in the
order of that bound, until it is above the largest distance found. No array of all pairs exists.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.typing import Array, ArrayLike

QUERIES, ITEMS = 64, 128  # in a block
SquaredDistance = Callable[[Array, Array], Array]


def nearest_point(queries: ArrayLike, points: ArrayLike) -> tuple[Array, Array]:
    """The squared distance to the nearest of `points` `(M, 3)` and its number: `(N, 3)` -> `(N,)`.

    Among equals it may be any.
    """
    check_rank("nearest_point: points", points, 2)
    return nearest_item(queries, jnp.asarray(points)[:, None], squared_to_point)


def nearest_triangle(queries: ArrayLike, triangles: ArrayLike) -> tuple[Array, Array]:
    """As `nearest_point`, of `triangles` `(M, 3, 3)`."""
    check_rank("nearest_triangle: triangles", triangles, 3)
    return nearest_item(queries, triangles, squared_to_triangle)


def squared_to_point(query: Array, items: Array) -> Array:
    """`(3, Q, 1)`, `(1, 3, K)` or `(1, 3, Q, K)` -> `(Q, K)`."""
    away = query - items[0].reshape(3, -1, items.shape[-1])
    return dot(away, away)


def squared_to_triangle(query: Array, items: Array) -> Array:
    """`(3, Q, 1)`, `(3, 3, K)` or `(3, 3, Q, K)` -> `(Q, K)`: to the plane, or to an edge.

    A point is over the triangle where it is on the inner side of the planes that stand on its
    edges.
    """
    corner = items.reshape(3, 3, -1, items.shape[-1])
    side = [corner[(i + 1) % 3] - corner[i] for i in range(3)]
    away = [query - corner[i] for i in range(3)]
    normal = cross(side[0], side[1])
    length = dot(normal, normal)
    over, to_edge = length > 0, jnp.inf
    for i in range(3):
        over &= dot(cross(normal, side[i]), away[i]) >= 0
        square = dot(side[i], side[i])
        along = dot(side[i], away[i]) / jnp.where(square > 0, square, 1)
        rest = away[i] - side[i] * jnp.clip(along, 0, 1)[None]
        to_edge = jnp.minimum(to_edge, dot(rest, rest))
    above = dot(normal, away[0]) ** 2 / jnp.where(length > 0, length, 1)
    return jnp.where(over, above, to_edge)


def dot(a: Any, b: Any) -> Array:
    """Over the leading axis of three, written out: the last axis stays the one of the vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Any, b: Any) -> list[Array]:
    """Over the leading axis of three."""
    return [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]


def nearest_item(
    queries: ArrayLike, items: ArrayLike, squared_distance: SquaredDistance
) -> tuple[Array, Array]:
    """The nearest of `items` `(M, c, 3)`, which lie within the boxes of their c corners.

    Args: `queries` `(N, 3)`; `squared_distance` `(3, Q, 1)`, `(c, 3, K)` or `(c, 3, Q, K)` ->
    `(Q, K)`. Returns: squared distances `(N,)` and numbers `(N,)` int32.
    """
    queries, items = jnp.asarray(queries, jnp.float32), jnp.asarray(items, jnp.float32)
    if queries.ndim != 2 or queries.shape[1:] != (3,) or items.shape[2:] != (3,):
        raise ValueError(
            f"nearest_item: queries and items must be (N, 3) and (M, c, 3), got {queries.shape} "
            f"and {items.shape}"
        )
    if not len(items):
        raise ValueError("nearest_item: there is nothing to search, items has no rows")
    if not len(queries):
        return jnp.zeros(0, jnp.float32), jnp.zeros(0, jnp.int32)
    return _search(queries, items, squared_distance)


@partial(jax.jit, static_argnames="squared_distance")
def _search(queries: Array, items: Array, squared_distance: SquaredDistance) -> tuple[Array, Array]:
    middles = jnp.mean(items, axis=1)
    item_order = _blocks(middles, min(ITEMS, len(items)))
    query_order = _blocks(queries, min(QUERIES, len(queries)))
    blocks = items[item_order]  # (P, K, c, 3)
    low, high = (end(blocks, axis=(1, 2)) for end in (jnp.min, jnp.max))
    blocks = jnp.moveaxis(blocks, 1, -1)  # (P, c, 3, K): vectors along K

    def one(query: Array) -> tuple[Array, Array]:
        turned = query.T[:, :, None]
        first, last = (end(query, axis=0, keepdims=True) for end in (jnp.min, jnp.max))
        beyond = jnp.maximum(low - last, first - high)
        bound = jnp.sum(jnp.maximum(beyond, 0) ** 2, axis=1) * (1 - 1e-6)  # float32 may round up
        order = jnp.argsort(bound)

        def goes_on(carry: tuple[Array, Array, Array]) -> Array:
            i, best, _ = carry
            here = bound[order[jnp.minimum(i, len(order) - 1)]]
            return (i < len(order)) & (here < jnp.max(best))

        def look(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            i, best, block = carry
            found = jnp.min(squared_distance(turned, blocks[order[i]]), axis=1)
            nearer = found < best
            return i + 1, jnp.where(nearer, found, best), jnp.where(nearer, order[i], block)

        start = jnp.int32(0), jnp.full(len(query), jnp.inf), jnp.zeros(len(query), jnp.int32)
        _, best, block = lax.while_loop(goes_on, look, start)
        # Which one of its block: once, instead of at each step.
        within = jnp.argmin(squared_distance(turned, jnp.moveaxis(blocks[block], 0, 2)), axis=1)
        return best, item_order[block, within]

    best, number = lax.map(one, queries[query_order])
    back = (
        jnp.zeros(len(queries), jnp.int32)
        .at[query_order.ravel()]
        .set(jnp.arange(query_order.size, dtype=jnp.int32))
    )
    return best.ravel()[back], number.ravel()[back].astype(jnp.int32)


def _blocks(points: Array, size: int) -> Array:
    """Numbers of points, neighbors together, `(P, size)`; the last one fills up the last block."""
    order = jnp.argsort(morton(points))
    return jnp.pad(order, (0, -len(order) % size), mode="edge").reshape(-1, size)


def morton(points: Array) -> Array:
    """The place of each point along a Z-order curve through their box (Morton 1966), `(N,)` uint32.

    The bits of the three coordinates, 10 each, in turn.
    """
    low, high = (end(points, axis=0, keepdims=True) for end in (jnp.min, jnp.max))
    cells = (points - low) / jnp.where(high > low, high - low, 1) * 1023
    bits = jnp.clip(cells, 0, 1023).astype(jnp.uint32)
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
        bits = (bits | (bits << shift)) & jnp.uint32(mask)
    return (bits[:, 0] << 2) | (bits[:, 1] << 1) | bits[:, 2]
