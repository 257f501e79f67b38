"""Rosenblatt's perceptron, and the bound on how often it errs."""

import dataclasses
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.classic.estimator import Classifier, rows
from jaxdl.typing import Array, ArrayLike, Host


class Boundary(NamedTuple):
    """w.x + b = 0, and how it was found."""

    weight: Array  # (D,)
    bias: Array  # ()
    updates: Array  # () mistakes corrected
    passes: Array  # () over all rows
    separated: Array  # () bool: the last pass made no mistake


def perceptron_loss(score: Array, sign: Array) -> Array:
    """max(0, -y <w, x>), y = -1 or 1, elementwise: its gradient is the perceptron's step."""
    return jnp.maximum(0, -sign * score)


@jax.jit
def perceptron(points: Array, signs: Array, max_passes: int = 1000) -> Boundary:
    """While y (w.x + b) <= 0 for some row: w += y x, b += y. Rows are taken in order.

    `points` `(N, D)`, `signs` `(N,)` of -1 and 1 -> `Boundary`. It ends after a pass with no
    mistake, which comes if and only if the classes can be separated, or after `max_passes`.
    """
    check_rank("perceptron: points", points, 2)
    check_rank("perceptron: signs", signs, 1)
    signs = signs.astype(points.dtype)

    def correct(carry, row):
        weight, bias, mistakes = carry
        x, y = row
        wrong = y * (jnp.sum(weight * x) + bias) <= 0
        step = jnp.where(wrong, y, 0)
        return (weight + step * x, bias + step, mistakes + wrong), None

    def one_pass(found):
        start = (found.weight, found.bias, jnp.int32(0))
        (weight, bias, mistakes), _ = lax.scan(correct, start, (points, signs))
        done = mistakes == 0
        return Boundary(weight, bias, found.updates + mistakes, found.passes + 1, done)

    weight, bias = jnp.zeros(points.shape[1], points.dtype), jnp.zeros((), points.dtype)
    start = Boundary(weight, bias, jnp.int32(0), jnp.int32(0), jnp.bool(False))
    return lax.while_loop(lambda f: ~f.separated & (f.passes < max_passes), one_pass, start)


def update_bound(radius: float, margin: float) -> float:
    """The most updates there can be: (r^2 + 1) / rho^2 (Novikoff 1962).

    Every row has length at most `radius`, and some w, b with ||w||^2 + b^2 <= 1 gives
    y (w.x + b) >= `margin` on every row.
    """
    check_positive("update_bound: margin", margin)
    return (radius**2 + 1) / margin**2


@dataclasses.dataclass(kw_only=True, eq=False)
class Perceptron(Classifier):
    """Two classes, divided by a line; `max_passes` ends it where no line divides them."""

    max_passes: int = 1000

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Finds `boundary_`; positive is the second of the two labels in rising order."""
        x, codes = self.encode(x, y)
        if len(self.classes_) != 2:
            raise ValueError(f"Perceptron: y must have two labels, got {len(self.classes_)}")
        points = jnp.asarray(x, jnp.float32)
        self.boundary_ = perceptron(points, jnp.asarray(2 * codes - 1), self.max_passes)
        return self

    def decision_function(self, x: ArrayLike) -> Host:
        """w.x + b, `(N,)`."""
        found = self.fitted("boundary_")
        return np.asarray(rows("Perceptron", x) @ np.asarray(found.weight) + float(found.bias))

    def predict(self, x: ArrayLike) -> Host:
        """The label of each row, `(N,)`."""
        return self.classes_[(self.decision_function(x) > 0).astype(int)]
