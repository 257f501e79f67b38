"""DBSCAN (Ester et al. 1996): clusters are chains of points with many neighbors."""

import dataclasses
from functools import partial
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.classic.estimator import Estimator, rows
from jaxdl.ops.distance import squared_euclidean
from jaxdl.typing import Array, ArrayLike, Host

NARROW = 16  # up to this many features, distances are sums of squared differences


class Tiles(NamedTuple):
    """Points sorted along one feature, in blocks; only near blocks can hold neighbors."""

    points: Array  # (T, B, D), the last block padded
    valid: Array  # (T, B)
    first: Array  # (T,) the first block within the radius of this one
    last: Array  # (T,) one past the last


@partial(jax.jit, static_argnames="block")
def dbscan(points: Array, *, radius: float, min_points: int = 5, block: int = 512) -> Array:
    """The cluster of each row, numbered by their first core row, -1 for noise.

    A core row has at least `min_points` rows (itself counted) within `radius`. Core rows within
    `radius` of each other share a cluster; another row joins the lowest numbered cluster that has
    a core row within `radius`. `(N, D)` -> `(N,)` int.
    """
    check_rank("dbscan: points", points, 2)
    size = len(points)
    axis = jnp.argmax(jnp.var(points, axis=0))
    order = jnp.argsort(points[:, axis])
    tiles = _make_tiles(points[order], axis, radius, min(block, size))
    ones = jnp.ones(size, jnp.int32)
    counts = _over_neighbors(
        tiles, radius, ones, jnp.zeros, jnp.add, partial(jnp.sum, dtype=jnp.int32), 0
    )
    core = counts >= min_points
    root = _components(tiles, radius, core, size)
    # A cluster's name is the first of its core rows in the caller's order.
    name = jnp.full(size, size).at[root].min(jnp.where(core, order, size))[root]
    name = jnp.where(core, name, size)
    name = jnp.where(core, name, _least(tiles, radius, name, size))
    name = jnp.zeros_like(name).at[order].set(name)
    is_first = jnp.zeros(size, bool).at[name].set(True, mode="drop")
    number = jnp.cumsum(is_first) - 1
    return jnp.where(name < size, number[jnp.minimum(name, size - 1)], -1)


def _components(tiles: Tiles, radius: float, core: Array, size: int) -> Array:
    """A row of its component for each core row, in sorted order, `(N,)`; any value elsewhere.

    Every row points to a row of its component. A round hooks what a row points to on to the least
    that its neighbors point to, then halves the paths, so few rounds are needed.
    """
    own = jnp.arange(size)

    def step(carry):
        pointer, _ = carry
        least = _least(tiles, radius, jnp.where(core, pointer, size), size)
        least = jnp.where(core, least, own)
        new = jnp.minimum(pointer.at[pointer].min(least), least)
        new = new[new]
        return new[new], jnp.any(new != pointer)

    return lax.while_loop(lambda carry: carry[1], step, (own, True))[0]


def _least(tiles: Tiles, radius: float, values: Array, size: int) -> Array:
    """The least of `values` among each row's neighbors, `size` where it has none, `(N,)`."""
    full = partial(jnp.full, fill_value=size)
    return _over_neighbors(tiles, radius, values, full, jnp.minimum, jnp.min, size)


def _over_neighbors(tiles, radius, values, start, combine, reduce, nothing) -> Array:
    """`reduce` of `values` `(N,)` over the rows within `radius` of each row, `(N,)`."""
    count, block, _ = tiles.points.shape
    size = len(values)
    values = jnp.pad(values, (0, count * block - size)).reshape(count, block)

    def one(tile):
        points, first, last = tile

        def add(other, total):
            near = _squares(points, tiles.points[other]) <= radius**2
            near = near & tiles.valid[other][None, :]
            found = jnp.where(near, values[other][None, :], nothing)
            return combine(total, reduce(found, axis=1))

        return lax.fori_loop(first, last, add, start(block, dtype=values.dtype))

    return lax.map(one, (tiles.points, tiles.first, tiles.last)).reshape(-1)[:size]


def _make_tiles(points: Array, axis: Array, radius: float, block: int) -> Tiles:
    """Blocks of sorted rows and, for each, the range of blocks that the radius can reach."""
    pad = -len(points) % block
    count = (len(points) + pad) // block
    padded = jnp.pad(points, ((0, pad), (0, 0)), mode="edge").reshape(count, block, -1)
    line = padded[:, :, axis]
    first = jnp.searchsorted(line[:, -1], line[:, 0] - radius)
    last = jnp.searchsorted(line[:, 0], line[:, -1] + radius, side="right")
    valid = (jnp.arange(count * block) < len(points)).reshape(count, block)
    return Tiles(padded, valid, first, last)


def _squares(a: Array, b: Array) -> Array:
    """Squared distances `(N, M)`: exact differences where rows are short, else one product."""
    if a.shape[1] > NARROW:
        return squared_euclidean(a, b)
    return jnp.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=2)


@dataclasses.dataclass(kw_only=True, eq=False)
class DBSCAN(Estimator):
    """Clusters by density; there is no `predict`, since a new row would change the clusters."""

    kind: ClassVar[str | None] = "clusterer"
    radius: float = 0.5
    min_points: int = 5

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Finds `labels_` `(N,)`; `y` is not used."""
        check_positive("DBSCAN: radius", self.radius)
        points = jnp.asarray(rows("DBSCAN", x), jnp.float32)
        self.labels_ = np.asarray(dbscan(points, radius=self.radius, min_points=self.min_points))
        return self

    def fit_predict(self, x: ArrayLike, y: ArrayLike | None = None) -> Host:
        """The cluster of each row of `x`, `(N,)`."""
        return self.fit(x).labels_
