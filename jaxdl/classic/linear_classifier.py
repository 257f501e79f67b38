"""Linear classifiers with softmax or SVM loss: scores, objective, fitting, the bias trick."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.classic.sgd_classifier import DescentClassifier
from jaxdl.losses.classification import multiclass_hinge, softmax_cross_entropy
from jaxdl.typing import Array, ArrayLike, Key


def one_hot_squares(scores: Array, labels: Array) -> Array:
    """sum_k (s_k - [k = y])^2: classification as regression. `(B, K)`, `(B,)` int -> `(B,)`.

    It punishes scores that are right by more than enough, which is why softmax is preferred.
    """
    truth = jax.nn.one_hot(labels, scores.shape[1], dtype=scores.dtype)
    return jnp.sum((scores - truth) ** 2, axis=1)


LOSSES: dict[str, Callable[..., Array]] = {
    "softmax": softmax_cross_entropy,
    "svm": multiclass_hinge,
    "squares": one_hot_squares,
}
PENALTIES: dict[str, Callable[[Array], Array]] = {
    "l2": lambda weight: jnp.sum(weight**2),
    "l1": lambda weight: jnp.sum(jnp.abs(weight)),
}


class Linear(NamedTuple):
    """Scores x W + b: column k of W is the template of class k."""

    weight: Array  # (D, K)
    bias: Array  # (K,)


def init_linear(key: Key, width: int, num_classes: int, *, std: float = 0.01) -> Linear:
    """W from N(0, std^2), b zero: all classes start alike, so the softmax loss is about log K."""
    return Linear(
        std * jax.random.normal(key, (width, num_classes), jnp.float32),
        jnp.zeros(num_classes, jnp.float32),
    )


def class_scores(params: Linear, x: ArrayLike) -> Array:
    """x W + b, `(B, D)` -> `(B, K)`."""
    return jnp.matmul(jnp.asarray(x), params.weight, precision="highest") + params.bias[None, :]


def with_ones(x: ArrayLike) -> Array:
    """The bias trick: a last feature of 1, so that W's last row is the bias. -> `(B, D + 1)`."""
    check_rank("with_ones: x", x, 2)
    return jnp.pad(jnp.asarray(x), ((0, 0), (0, 1)), constant_values=1)


@functools.cache
def objective(loss: str = "softmax", penalty: str = "l2") -> Callable[..., Array]:
    """f(penalty_weight, params, x, labels) = mean loss + penalty_weight R(W); b is not penalized.

    `loss` "softmax", "svm" or "squares"; `penalty` "l2": R = sum W^2, "l1": R = sum |W|. The same
    function is given for the same names, so that what was compiled with it is found again.
    """
    check_one_of("objective: loss", loss, LOSSES)
    check_one_of("objective: penalty", penalty, PENALTIES)

    def value(penalty_weight: ArrayLike, params: Linear, x: Array, labels: Array) -> Array:
        losses = LOSSES[loss](class_scores(params, x), labels)
        return jnp.mean(losses) + penalty_weight * PENALTIES[penalty](params.weight)

    return value


@dataclasses.dataclass(kw_only=True, eq=False)
class LinearClassifier(DescentClassifier):
    """Softmax or SVM by stochastic gradient descent on mean loss + `penalty_weight` R(W)."""

    loss: str = "softmax"
    penalty: str = "l2"

    def objective(self) -> Callable[..., Array]:
        """See `objective`."""
        return objective(self.loss, self.penalty)

    def start(self, key: Key, width: int, num_classes: int) -> Linear:
        """See `init_linear`."""
        return init_linear(key, width, num_classes)

    def scores(self, params: Linear, x: Array) -> Array:
        """See `class_scores`."""
        return class_scores(params, x)
