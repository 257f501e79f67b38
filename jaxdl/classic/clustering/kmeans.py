"""k-means: Lloyd's iterations from k-means++ centres, with a place for empty clusters."""

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

    centres: Array  # (K, D)
    labels: Array  # (N,) the nearest centre of each row
    inertia: Array  # () sum of squared distances to it
    steps: Array  # () iterations done


def plus_plus(key: Key, points: Array, k: int) -> Array:
    """k-means++ (Arthur & Vassilvitskii 2007): a row is drawn as the next centre with probability
    proportional to its squared distance to the nearest centre so far. `(N, D)` -> `(k, D)`.
    """
    check_rank("plus_plus: points", points, 2)
    if not 1 <= k <= len(points):
        raise ValueError(f"plus_plus: k must lie in [1, {len(points)}], got {k}")
    first, *keys = jax.random.split(key, k)
    start = points[jax.random.randint(first, (), 0, len(points))]

    def draw(nearest, key):
        row = jax.random.categorical(key, jnp.log(nearest))
        centre = points[row]
        return jnp.minimum(nearest, _to_one(points, centre)), centre

    if k == 1:
        return start[None, :]
    _, centres = lax.scan(draw, _to_one(points, start), jnp.stack(keys))
    return jnp.concatenate([start[None, :], centres])


@jax.jit
def lloyd(
    points: Array, centres: Array, *, max_steps: int = 300, tolerance: float = 1e-4
) -> Clusters:
    """Lloyd's algorithm: rows to their nearest centre, centres to the mean of their rows.

    Stops when no label changes, or when the centres' squared movement is at most `tolerance` times
    the mean variance of the features. An empty cluster takes the row that is farthest from its own
    centre. `(N, D)`, `(K, D)` -> `Clusters`.
    """
    limit = tolerance * jnp.mean(jnp.var(points, axis=0))

    def step(carry):
        centres, old, steps, _ = carry
        labels, distances = assign(points, centres)
        moved = _means(points, fill_empty(labels, distances, len(centres)), centres)
        shift = jnp.sum((moved - centres) ** 2)
        return moved, labels, steps + 1, jnp.all(labels == old) | (shift <= limit)

    def going(carry):
        return (carry[2] < max_steps) & ~carry[3]

    start = (centres, jnp.full(len(points), -1), jnp.int32(0), jnp.bool(False))
    centres, _, steps, _ = lax.while_loop(going, step, start)
    labels, distances = assign(points, centres)
    return Clusters(centres, labels, jnp.sum(distances), steps)


def assign(points: Array, centres: Array) -> tuple[Array, Array]:
    """The nearest centre of each row and the squared distance to it, both `(N,)`."""
    squares = squared_euclidean(points, centres)
    return jnp.argmin(squares, axis=1), jnp.min(squares, axis=1)


def fill_empty(labels: Array, distances: Array, k: int) -> Array:
    """Labels in which each empty cluster owns a row, the farthest from their centres, `(N,)`."""
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
    """The run of least inertia among `restarts` runs from k-means++ centres."""

    def attempt(key):
        return lloyd(points, plus_plus(key, points, k), max_steps=max_steps, tolerance=tolerance)

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
        """Finds `centres_` `(k, D)`, `labels_` `(N,)` and `inertia_`; `y` is not used."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        options = {"restarts": self.restarts, "max_steps": self.max_steps}
        key = jax.random.key(self.seed)
        found = kmeans(key, points, self.k, tolerance=self.tolerance, **options)
        self.centres_, self.labels_ = np.asarray(found.centres), np.asarray(found.labels)
        self.inertia_ = float(found.inertia)
        return self

    def predict(self, x: ArrayLike) -> Host:
        """The nearest centre of each row, `(N,)`."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        return np.asarray(assign(points, jnp.asarray(self.fitted("centres_")))[0])

    def score(self, x: ArrayLike, y: ArrayLike | None = None) -> float:
        """Minus the sum of squared distances to the nearest centre; `y` is not used."""
        points = jnp.asarray(rows("KMeans", x), jnp.float32)
        return -float(jnp.sum(assign(points, jnp.asarray(self.fitted("centres_")))[1]))


def _to_one(points: Array, centre: Array) -> Array:
    """Squared distances of all rows to one point, `(N,)`, by differences: exactly 0 to itself."""
    return jnp.sum((points - centre[None, :]) ** 2, axis=1)


def _means(points: Array, labels: Array, old: Array) -> Array:
    """The mean row of each label, `(K, D)`; the old centre where a label has no row."""
    members = jax.nn.one_hot(labels, len(old), dtype=points.dtype)
    counts = jnp.sum(members, axis=0)[:, None]
    sums = jnp.matmul(members.T, points, precision=lax.Precision.HIGHEST)
    return jnp.where(counts > 0, sums / jnp.maximum(counts, 1), old)
