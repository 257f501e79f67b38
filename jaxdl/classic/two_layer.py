"""The two-layer network, learned with backward passes written by hand."""

import dataclasses
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from jaxdl.classic.by_hand.activation import relu
from jaxdl.classic.by_hand.linear import linear
from jaxdl.classic.by_hand.loss import softmax_loss
from jaxdl.classic.descent import batch_order, descend_batches
from jaxdl.classic.estimator import Classifier, rows
from jaxdl.typing import Array, ArrayLike, Host, Key


class TwoLayer(NamedTuple):
    """f = W2 max(0, W1 x + b1) + b2, rows on the left."""

    w1: Array  # (D, H)
    b1: Array  # (H,)
    w2: Array  # (H, K)
    b2: Array  # (K,)


def init_two_layer(
    key: Key, width: int, hidden: int, num_classes: int, *, std: float = 1e-3
) -> TwoLayer:
    """Both weights from N(0, std^2), biases zero."""
    first, second = jax.random.split(key)
    return TwoLayer(
        std * jax.random.normal(first, (width, hidden)),
        jnp.zeros(hidden),
        std * jax.random.normal(second, (hidden, num_classes)),
        jnp.zeros(num_classes),
    )


def two_layer_scores(params: TwoLayer, x: Array) -> Array:
    """`(B, D)` -> `(B, K)`."""
    return linear(relu(linear(x, params.w1, params.b1)), params.w2, params.b2)


def two_layer_objective(strength: ArrayLike, params: TwoLayer, x: Array, labels: Array) -> Array:
    """Mean softmax loss + strength / 2 (sum W1^2 + sum W2^2), `()`."""
    losses = softmax_loss(two_layer_scores(params, x), labels)
    penalty = jnp.sum(params.w1**2) + jnp.sum(params.w2**2)
    return jnp.mean(losses) + strength / 2 * penalty


@dataclasses.dataclass(kw_only=True, eq=False)
class TwoLayerNet(Classifier):
    """One hidden layer of `hidden` ReLUs, by stochastic gradient descent."""

    hidden: int = 100
    std: float = 1e-3
    strength: float = 1e-3
    rate: float = 0.1
    momentum: float = 0.9
    epochs: int = 20
    batch_size: int = 128
    seed: int = 0

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Finds `params_` and `history_`, the objective at each step."""
        x, codes = self.encode(x, y)
        start, shuffle = jax.random.split(jax.random.key(self.seed))
        order = batch_order(shuffle, len(x), min(self.batch_size, len(x)), self.epochs)
        self.params_, history = descend_batches(
            Partial(two_layer_objective, jnp.float32(self.strength)),
            init_two_layer(start, x.shape[1], self.hidden, len(self.classes_), std=self.std),
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
        points = jnp.asarray(rows("TwoLayerNet", x), jnp.float32)
        return np.asarray(two_layer_scores(self.fitted("params_"), points))

    def predict(self, x: ArrayLike) -> Host:
        """The label of each row, `(N,)`."""
        return self.classes_[np.argmax(self.decision_function(x), axis=1)]
