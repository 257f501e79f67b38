"""Classifiers that are fitted by stochastic gradient descent."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from jaxdl.classic.estimator import Classifier, rows
from jaxdl.classic.gradient_descent import batch_order, descend_batches
from jaxdl.typing import Array, ArrayLike, Host, Key, Tree


@dataclasses.dataclass(kw_only=True, eq=False)
class DescentClassifier(Classifier):
    """A subclass says what is minimized, where it starts, and the scores of the classes."""

    penalty_weight: float = 1e-3
    rate: float = 0.1
    momentum: float = 0.9
    epochs: int = 20
    batch_size: int = 128
    seed: int = 0

    def objective(self) -> Callable[..., Array]:
        """f(penalty_weight, params, x, labels), a scalar."""
        raise NotImplementedError

    def start(self, key: Key, width: int, num_classes: int) -> Tree:
        """The first parameters for rows of `width` numbers."""
        raise NotImplementedError

    def scores(self, params: Any, x: Array) -> Array:
        """The score of each class, `(N, D)` -> `(N, K)`."""
        raise NotImplementedError

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Finds `params_` and `history_`, the objective at each step."""
        x, codes = self.encode(x, y)
        start, shuffle = jax.random.split(jax.random.key(self.seed))
        order = batch_order(shuffle, len(x), min(self.batch_size, len(x)), self.epochs)
        self.params_, history = descend_batches(
            Partial(self.objective(), jnp.float32(self.penalty_weight)),
            self.start(start, x.shape[1], len(self.classes_)),
            order,
            x.astype(np.float32),
            codes,
            rate=self.rate,
            momentum=self.momentum,
        )
        self.history_ = np.asarray(history)
        return self

    def decision_function(self, x: ArrayLike) -> Host:
        """The score of each class, `(N, K)`."""
        points = jnp.asarray(rows(type(self).__name__, x), jnp.float32)
        return np.asarray(self.scores(self.fitted("params_"), points))

    def predict(self, x: ArrayLike) -> Host:
        """The label of each row, `(N,)`."""
        return self.classes_[np.argmax(self.decision_function(x), axis=1)]
