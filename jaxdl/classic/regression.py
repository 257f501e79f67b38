"""Linear and polynomial regression from scratch; the cost of logistic regression, two ways."""

import dataclasses
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import factorial

from jaxdl.checks import check_positive, check_rank
from jaxdl.classic.estimator import Classifier, Regressor, rows
from jaxdl.classic.gradient_descent import gradient_descent
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.typing import Array, ArrayLike, Host


class Line(NamedTuple):
    """y = x w + b."""

    weight: Array  # (D,)
    bias: Array  # ()


def zero_line(width: int) -> Line:
    """All zero: a convex cost needs no random start."""
    return Line(jnp.zeros(width, jnp.float32), jnp.zeros((), jnp.float32))


def predict_line(line: Line, x: ArrayLike) -> Array:
    """x w + b, `(N, D)` -> `(N,)`."""
    return jnp.matmul(jnp.asarray(x), line.weight, precision="highest") + line.bias


def squared_error(predicted: Array, target: ArrayLike) -> Array:
    """(y' - y)^2, elementwise. Its mean is the MSE."""
    return (predicted - target) ** 2


def square_penalty(weights: Array) -> Array:
    """sum w^2 / 2: its gradient is w. Biases are not given to it."""
    return jnp.sum(weights**2) / 2


def polynomial_features(x: ArrayLike, *, count: int) -> Array:
    """x^i / i! for i = 0 .. count - 1, `(N,)` -> `(N, count)`."""
    check_rank("polynomial_features: x", x, 1)
    check_positive("polynomial_features: count", count)
    powers = jnp.arange(count)
    return jnp.asarray(x)[:, None] ** powers[None, :] / factorial(powers)[None, :]


def mean_squared_cost(line: Line, x: ArrayLike, y: ArrayLike) -> Array:
    """The mean of `squared_error` over the rows, `()`."""
    return jnp.mean(squared_error(predict_line(line, x), y))


def log_cost(line: Line, x: ArrayLike, y: ArrayLike) -> Array:
    """The summed binary cross-entropy of sigmoid(xw + b) with 0 or 1: convex in w and b, `()`."""
    return jnp.sum(binary_cross_entropy(predict_line(line, x), jnp.asarray(y)))


def squared_logistic_cost(line: Line, x: ArrayLike, y: ArrayLike) -> Array:
    """The summed squared error of sigmoid(xw + b): not convex, with flat parts, `()`."""
    return jnp.sum(squared_error(jax.nn.sigmoid(predict_line(line, x)), y))


@dataclasses.dataclass(kw_only=True, eq=False)
class LinearRegression(Regressor):
    """Least squares by gradient descent from zero on the mean squared error."""

    rate: float = 0.01
    steps: int = 1000

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Finds `line_` and `history_`, the cost before each step."""
        points = jnp.asarray(rows("LinearRegression", x), jnp.float32)
        target = jnp.asarray(y, jnp.float32)
        self.line_, history = gradient_descent(
            mean_squared_cost,
            zero_line(points.shape[1]),
            points,
            target,
            rate=self.rate,
            steps=self.steps,
        )
        self.history_ = np.asarray(history)
        return self

    def predict(self, x: ArrayLike) -> Host:
        """x w + b, `(N,)`."""
        return np.asarray(predict_line(self.fitted("line_"), rows("LinearRegression", x)))


@dataclasses.dataclass(kw_only=True, eq=False)
class LogisticRegression(Classifier):
    """Two classes: sigmoid(xw + b) is the probability of the second, by descent on the log cost."""

    rate: float = 0.01
    steps: int = 1000

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Finds `line_` and `history_`, the cost before each step."""
        x, codes = self.encode(x, y)
        if len(self.classes_) != 2:
            raise ValueError(
                f"LogisticRegression: y must have two labels, got {len(self.classes_)}"
            )
        points = jnp.asarray(x, jnp.float32)
        self.line_, history = gradient_descent(
            log_cost,
            zero_line(points.shape[1]),
            points,
            jnp.asarray(codes, jnp.float32),
            rate=self.rate,
            steps=self.steps,
        )
        self.history_ = np.asarray(history)
        return self

    def predict_proba(self, x: ArrayLike) -> Host:
        """The probabilities of both classes, `(N, 2)`."""
        line = self.fitted("line_")
        second = jax.nn.sigmoid(predict_line(line, rows("LogisticRegression", x)))
        return np.stack([1 - second, second], axis=1)

    def predict(self, x: ArrayLike) -> Host:
        """The label of each row, `(N,)`."""
        return self.classes_[(self.predict_proba(x)[:, 1] > 0.5).astype(int)]
