"""The two-layer network, learned with backward passes written by hand."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.classic.backprop.activation import relu
from jaxdl.classic.backprop.linear import linear
from jaxdl.classic.backprop.loss import softmax_loss
from jaxdl.classic.sgd_classifier import DescentClassifier
from jaxdl.typing import Array, ArrayLike, Key


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
        std * jax.random.normal(first, (width, hidden), jnp.float32),
        jnp.zeros(hidden, jnp.float32),
        std * jax.random.normal(second, (hidden, num_classes), jnp.float32),
        jnp.zeros(num_classes, jnp.float32),
    )


def two_layer_scores(params: TwoLayer, x: Array) -> Array:
    """`(B, D)` -> `(B, K)`."""
    return linear(relu(linear(x, params.w1, params.b1)), params.w2, params.b2)


def two_layer_objective(
    penalty_weight: ArrayLike, params: TwoLayer, x: Array, labels: Array
) -> Array:
    """Mean softmax loss + penalty_weight / 2 (sum W1^2 + sum W2^2), `()`."""
    losses = softmax_loss(two_layer_scores(params, x), labels)
    penalty = jnp.sum(params.w1**2) + jnp.sum(params.w2**2)
    return jnp.mean(losses) + penalty_weight / 2 * penalty


@dataclasses.dataclass(kw_only=True, eq=False)
class TwoLayerNet(DescentClassifier):
    """One hidden layer of `hidden` ReLUs, by stochastic gradient descent."""

    hidden: int = 100
    std: float = 1e-3

    def objective(self) -> Callable[..., Array]:
        """See `two_layer_objective`."""
        return two_layer_objective

    def start(self, key: Key, width: int, num_classes: int) -> TwoLayer:
        """See `init_two_layer`."""
        return init_two_layer(key, width, self.hidden, num_classes, std=self.std)

    def scores(self, params: TwoLayer, x: Array) -> Array:
        """See `two_layer_scores`."""
        return two_layer_scores(params, x)
