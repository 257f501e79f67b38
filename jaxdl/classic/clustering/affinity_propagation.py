"""Affinity propagation (Frey & Dueck 2007): rows vote for exemplars by passing messages."""

import dataclasses
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.classic.estimator import Estimator, rows
from jaxdl.ops.distance import squared_euclidean
from jaxdl.typing import Array, ArrayLike, Host


class Exemplars(NamedTuple):
    """What affinity propagation found."""

    exemplar: Array  # (N,) the row that stands for each row, -1 where nothing converged
    labels: Array  # (N,) exemplars numbered in rising order
    steps: Array  # () iterations done
    converged: Array  # () bool


@jax.jit
def affinity_propagation(
    similarity: Array, *, damping: float = 0.5, max_steps: int = 200, patience: int = 15
) -> Exemplars:
    """Messages until the set of exemplars has not changed for `patience` iterations.

    r(i,k) = s(i,k) - max_{j != k} (a(i,j) + s(i,j))
    a(i,k) = min(0, r(k,k) + sum_{j not in (i,k)} max(0, r(j,k)))
    a(k,k) = sum_{j != k} max(0, r(j,k))

    `similarity` `(N, N)`; its diagonal holds the preferences: the higher, the more exemplars. Ties
    are broken by noise in the last digits (the authors' own code does so); where all similarities
    and all preferences are equal, every row is an exemplar if it prefers that, else the first one.
    """
    check_rank("affinity_propagation: similarity", similarity, 2)
    size = len(similarity)
    one_value, alone = _all_equal(similarity)
    similarity = _untied(similarity)
    diagonal = jnp.arange(size)

    def step(carry):
        r, a, chosen, same, steps = carry
        r = damping * r + (1 - damping) * _responsibility(similarity, a)
        a = damping * a + (1 - damping) * _availability(r)
        new = a[diagonal, diagonal] + r[diagonal, diagonal] > 0
        return r, a, new, jnp.where(jnp.all(new == chosen), same + 1, 1), steps + 1

    def going(carry):
        _, _, chosen, same, steps = carry
        done = (same >= patience) & jnp.any(chosen) & (steps > patience)
        return (steps < max_steps) & ~done

    zeros = jnp.zeros_like(similarity)
    start = (zeros, zeros, jnp.zeros(size, bool), jnp.int32(0), jnp.int32(0))
    _, _, chosen, same, steps = lax.while_loop(going, step, start)
    exemplar = jnp.where(jnp.any(chosen), _settle(similarity, chosen), -1)
    exemplar = jnp.where(one_value, jnp.where(alone, diagonal, 0), exemplar)
    number = jnp.cumsum(jnp.zeros(size, bool).at[exemplar].set(True)) - 1
    labels = jnp.where(exemplar >= 0, number[exemplar], -1)
    converged = one_value | (same >= patience) & jnp.any(chosen)
    return Exemplars(exemplar, labels, steps, converged)


def similarities(points: Array, preference: float | None = None) -> Array:
    """Minus squared distances, the diagonal `preference` (None: their median), `(N, N)`."""
    negative = -squared_euclidean(points, points)
    size = len(points)
    off = jnp.where(jnp.eye(size, dtype=bool), 0, negative)
    value = jnp.median(off) if preference is None else preference
    return off.at[jnp.arange(size), jnp.arange(size)].set(value)


def _all_equal(similarity: Array) -> tuple[Array, Array]:
    """Whether there is no difference to go by, and whether rows then stand for themselves."""
    eye = jnp.eye(len(similarity), dtype=bool)
    own, other = similarity[0, 0], similarity[0, -1]
    equal = jnp.all(similarity == jnp.where(eye, own, other))
    return equal, own > other


def _untied(similarity: Array) -> Array:
    """`similarity` with noise at the size of its rounding, always the same."""
    kind = jnp.finfo(similarity.dtype)
    noise = jax.random.normal(jax.random.key(0), similarity.shape, similarity.dtype)
    return similarity + (kind.eps * similarity + 100 * kind.tiny) * noise


def _responsibility(similarity: Array, a: Array) -> Array:
    """How much better k serves i than the best other: r before damping, `(N, N)`."""
    total = a + similarity
    best = jnp.argmax(total, axis=1)
    is_best = jnp.arange(len(a))[None, :] == best[:, None]
    first = jnp.max(total, axis=1, keepdims=True)
    second = jnp.max(jnp.where(is_best, -jnp.inf, total), axis=1, keepdims=True)
    return similarity - jnp.where(is_best, second, first)


def _availability(r: Array) -> Array:
    """How much support k has from others: a before damping, `(N, N)`."""
    eye = jnp.eye(len(r), dtype=bool)
    support = jnp.where(eye, r, jnp.maximum(r, 0))
    total = jnp.sum(support, axis=0, keepdims=True)
    return jnp.where(eye, total - support, jnp.minimum(total - support, 0))


def _settle(similarity: Array, chosen: Array) -> Array:
    """Each row's exemplar, once every exemplar has moved to the best row of its cluster, `(N,)`."""
    size = len(similarity)
    own = jnp.arange(size)

    def nearest(chosen):
        best = jnp.argmax(jnp.where(chosen[None, :], similarity, -jnp.inf), axis=1)
        return jnp.where(chosen, own, best)

    cluster = nearest(chosen)
    together = cluster[:, None] == cluster[None, :]
    fit = jnp.sum(jnp.where(together, similarity, 0), axis=0)
    best = jnp.full(size, -jnp.inf).at[cluster].max(fit)[cluster]
    row = jnp.full(size, size).at[cluster].min(jnp.where(fit == best, own, size))
    return nearest(jnp.zeros(size, bool).at[row].set(True, mode="drop"))


@dataclasses.dataclass(kw_only=True, eq=False)
class AffinityPropagation(Estimator):
    """Clusters around exemplars, as many as `preference` asks for (None: the median similarity)."""

    kind: ClassVar[str | None] = "clusterer"
    damping: float = 0.5
    max_steps: int = 200
    patience: int = 15
    preference: float | None = None

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Finds `exemplars_` (row numbers), `centers_`, `labels_` `(N,)`; `y` is not used."""
        if not 0.5 <= self.damping < 1:
            raise ValueError(
                f"AffinityPropagation: damping must lie in [0.5, 1), got {self.damping}"
            )
        x = rows("AffinityPropagation", x)
        points = jnp.asarray(x, jnp.float32)
        found = affinity_propagation(
            similarities(points, self.preference),
            damping=self.damping,
            max_steps=self.max_steps,
            patience=self.patience,
        )
        self.labels_, self.converged_ = np.asarray(found.labels), bool(found.converged)
        exemplars = np.unique(np.asarray(found.exemplar))
        self.exemplars_ = exemplars[exemplars >= 0]
        self.centers_ = x[self.exemplars_]
        return self

    def predict(self, x: ArrayLike) -> Host:
        """The nearest exemplar's label, -1 where there is none, `(N,)`."""
        points = jnp.asarray(rows("AffinityPropagation", x), jnp.float32)
        centers = jnp.asarray(self.fitted("centers_"), jnp.float32)
        if not len(centers):
            return np.full(len(points), -1)
        return np.asarray(jnp.argmin(squared_euclidean(points, centers), axis=1))
