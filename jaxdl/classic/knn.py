"""k nearest neighbors: votes, the estimator, and k chosen by cross-validation."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of, check_rank
from jaxdl.classic.estimator import Classifier, rows
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.typing import Array, ArrayLike, Host, Key

CANDIDATES = (1, 3, 5, 8, 10, 12, 15, 20, 50, 100)  # the k that cross-validation tries


def vote(labels: ArrayLike, *, num_classes: int) -> Array:
    """The most frequent label of the first 1, 2, ... neighbors; the smallest label wins a tie.

    `labels` `(N, k)` int, nearest first -> `(N, k)`: column j is the vote of j + 1 neighbors.
    """
    check_rank("vote: labels", labels, 2)
    counts = jnp.cumsum(jax.nn.one_hot(labels, num_classes, dtype=jnp.int32), axis=1)
    return jnp.argmax(counts, axis=2)  # the first of equal counts is the smallest label


def fold_rows(size: int, folds: int, key: Key | None = None) -> list[Host]:
    """The rows of each of `folds` near-equal parts of `size` rows, shuffled if a key is given."""
    if not 2 <= folds <= size:
        raise ValueError(f"fold_rows: folds must lie in [2, {size}], got {folds}")
    order = np.arange(size) if key is None else np.asarray(jax.random.permutation(key, size))
    return np.array_split(order, folds)


def cross_validate(
    x: ArrayLike,
    y: ArrayLike,
    *,
    ks: Sequence[int] = CANDIDATES,
    folds: int = 5,
    metric: str = "l2",
    key: Key | None = None,
) -> Host:
    """Accuracy of each k on each fold, the other folds being the neighbors.

    One search per fold serves every k. `x` `(N, D)`, `y` `(N,)` int -> `(len(ks), folds)`.
    """
    x, y = rows("cross_validate", x), np.asarray(y)
    parts = fold_rows(len(x), folds, key)
    table = np.zeros((len(ks), folds))
    for fold, held in enumerate(parts):
        rest = np.setdiff1d(np.arange(len(x)), held)
        _, found = nearest(x[held], x[rest], k=max(ks), metric=metric)
        votes = np.asarray(vote(y[rest][found], num_classes=int(y.max()) + 1))
        table[:, fold] = [np.mean(votes[:, k - 1] == y[held]) for k in ks]
    return table


@dataclasses.dataclass(kw_only=True, eq=False)
class KNearest(Classifier):
    """Votes of the `k` nearest training rows by "l2" or "l1" distance; exact."""

    k: int = 10
    metric: str = "l2"

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Keeps the rows; they are the model."""
        check_one_of("KNearest: metric", self.metric, ("l1", "l2"))
        self.x_, self.y_ = self.encode(x, y)
        return self

    def neighbors(self, x: ArrayLike) -> tuple[Host, Host]:
        """Distances and training rows of the `k` nearest, both `(N, k)`."""
        return nearest(rows("KNearest", x), self.fitted("x_"), k=self.k, metric=self.metric)

    def predict(self, x: ArrayLike) -> Host:
        """The label of each row, `(N,)`."""
        _, found = self.neighbors(x)
        votes = vote(self.y_[found], num_classes=len(self.classes_))
        return self.classes_[np.asarray(votes[:, -1])]
