"""k-means: Lloyd's iterations from k-means++ centers, with a place for empty clusters."""

import dataclasses
from functools import partial
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.classic.estimator import Estimator, rows
from jaxdl.ops.distance import squared_euclidean
from jaxdl.typing import Array, ArrayLike, Host, Key


class Clusters(NamedTuple):
    """What k-means found."""

    centers: Array  # (K, D)
    labels: Array  # (N,) the nearest center of each row
    inertia: Array  # () sum of squared distances to it
    steps: Array  # () iterations done


def kmeans_plus_plus_init(key: Key, points: Array, k: int) -> Array:
    """k-means++ (Arthur & Vassilvitskii 2007): a row is drawn as the next center with probability
    proportional to its squared distance to the nearest center so far. `(N, D)` -> `(k, D)`.
    """
    check_rank("plus_plus: points", points, 2)
    if not 1 <= k <= len(points):
        raise ValueError(f"plus_plus: k must lie in [1, {len(points)}], got {k}")
    first, *keys = jax.random.split(key, k)
    start = points[jax.random.randint(first, (), 0, len(points))]

    def draw(nearest, key):
        row = jax.random.categorical(key, jnp.log(nearest))
        center = points[row]
        return jnp.minimum(nearest, _to_one(points, center)), center

    if k == 1:
        return start[None, :]
    _, centers = lax.scan(draw, _to_one(points, start), jnp.stack(keys))
    return jnp.concatenate([start[None, :], centers])


@jax.jit
def lloyd(
    points: Array, centers: Array, *, max_steps: int = 300, tolerance: float = 1e-4
) -> Clusters:
    """Lloyd's algorithm: rows to their nearest center, centers to the mean of their rows.

    Stops when no label changes, or when the centers' squared movement is at most `tolerance` times
    the mean variance of the features. An empty cluster takes the row that is farthest from its own
    center. `(N, D)`, `(K, D)` -> `Clusters`.
    """
    limit = tolerance * jnp.mean(jnp.var(points, axis=0))

    def step(carry):
        centers, old, steps, _ = carry
        labels, distances = assign(points, centers)
        moved = _means(points, fill_empty(labels, distances, len(centers)), centers)
        shift = jnp.sum((moved - centers) ** 2)
        return moved, labels, steps + 1, jnp.all(labels == old) | (shift <= limit)

    def going(carry):
        return (carry[2] < max_steps) & ~carry[3]

    start = (centers, jnp.full(len(points), -1), jnp.int32(0), jnp.bool(False))
    centers, _, steps, _ = lax.while_loop(going, step, start)
    labels, distances = assign(points, centers)
    return Clusters(centers, labels, jnp.sum(distances), steps)


def assign(points: Array, centers: Array) -> tuple[Array, Array]:
    """The nearest center of each row and the squared distance to it, both `(N,)`."""
    squares = squared_euclidean(points, centers)
    return jnp.argmin(squares, axis=1), jnp.min(squares, axis=1)


def fill_empty(labels: Array, distances: Array, k: int) -> Array:
    """Labels in which each empty cluster owns a row, the farthest from their centers, `(N,)`."""
    empty = jnp.bincount(labels, length=k) == 0
    _, farthest = lax.top_k(distances, min(k, len(labels)))
    row = farthest[jnp.cumsum(empty) - 1]  # the first empty cluster takes the farthest row
    return labels.at[jnp.where(empty, row, len(labels))].set(jnp.arange(k), mode="drop")


@partial(jax.jit, static_argnames=("k", "restarts"))
def kmeans(
    key: Key,
    points: Array,
    k: int,
    *,
    restarts: int = 10,
    max_steps: int = 300,
    tolerance: float = 1e-4,
) -> Clusters:
    """The run of least inertia among `restarts` runs from k-means++ centers."""

    def attempt(key):
        return lloyd(
            points, kmeans_plus_plus_init(key, points, k), max_steps=max_steps, tolerance=tolerance
        )

    runs = lax.map(attempt, jax.random.split(key, restarts))
    return jax.tree.map(lambda x: x[jnp.argmin(runs.inertia)], runs)


@dataclasses.dataclass(kw_only=True, eq=False)
class KMeans(Estimator):
    """`k` clusters of rows; `score` is minus the inertia, so that more is better."""

    kind: ClassVar[str | None] = "clusterer"
    k: int = 8
    restarts: int = 10
    max_steps: int = 300
    tolerance: float = 1e-4
    seed: int = 0

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Finds `centers_` `(k, D)`, `labels_` `(N,)` and `inertia_`; `y` is not used."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        options = {"restarts": self.restarts, "max_steps": self.max_steps}
        key = jax.random.key(self.seed)
        found = kmeans(key, points, self.k, tolerance=self.tolerance, **options)
        self.centers_, self.labels_ = np.asarray(found.centers), np.asarray(found.labels)
        self.inertia_ = float(found.inertia)
        return self

    def predict(self, x: ArrayLike) -> Host:
        """The nearest center of each row, `(N,)`."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        return np.asarray(assign(points, jnp.asarray(self.fitted("centers_")))[0])

    def score(self, x: ArrayLike, y: ArrayLike | None = None) -> float:
        """Minus the sum of squared distances to the nearest center; `y` is not used."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        return -float(jnp.sum(assign(points, jnp.asarray(self.fitted("centers_")))[1]))


def _to_one(points: Array, center: Array) -> Array:
    """Squared distances of all rows to one point, `(N,)`, by differences: exactly 0 to itself."""
    return jnp.sum((points - center[None, :]) ** 2, axis=1)


def _means(points: Array, labels: Array, old: Array) -> Array:
    """The mean row of each label, `(K, D)`; the old center where a label has no row."""
    members = jax.nn.one_hot(labels, len(old), dtype=points.dtype)
    counts = jnp.sum(members, axis=0)[:, None]
    sums = jnp.matmul(members.T, points, precision=lax.Precision.HIGHEST)
    return jnp.where(counts > 0, sums / jnp.maximum(counts, 1), old)
