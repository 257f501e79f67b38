"""How much a frozen network's features tell of the labels: a linear probe and a vote of neighbors.

Features are host arrays `(N, D)`, such as `RowEvaluator` gives; labels `(N,)` integers.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from jaxdl.checks import DataError, DivergedError, check_positive
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.typing import Array, Host

CONSTANT = 1e-6  # spread below which a feature tells nothing, and keeps its scale


class LinearProbe(NamedTuple):
    """A softmax classifier of features; `gradient` is the largest slope left where it stopped."""

    kernel: Host  # (D, K)
    bias: Host  # (K,)
    gradient: float

    def logits(self, features: Host) -> Host:
        """`(N, D)` -> `(N, K)`."""
        return features @ self.kernel + self.bias

    def accuracy(self, features: Host, labels: Host) -> float:
        """The share of rows whose largest logit is that of the label."""
        return float(np.mean(self.logits(features).argmax(axis=1) == labels))


def linear_probe(
    features: Host, labels: Host, *, penalty: float = 1.0, steps: int = 300, tolerance: float = 1e-5
) -> LinearProbe:
    """Multinomial logistic regression on standardized features, by L-BFGS on all rows at once.

    Minimizes mean_i CE_i + penalty / (2 N) |W|^2 (the bias is free), scikit-learn's objective with
    C = 1 / penalty, W in units of each feature's deviation. It ends where no slope is above
    `tolerance`, or after `steps`. Raises DataError where there is nothing to tell apart.
    """
    check_positive("linear_probe: penalty", penalty)
    check_positive("linear_probe: steps", steps)
    _check_rows("linear_probe", features, labels)
    classes = int(labels.max()) + 1
    if len(np.unique(labels)) < 2:
        raise DataError(f"linear_probe: rows must be of two classes or more, got {classes}")
    center, spread = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    spread = np.where(spread > CONSTANT, spread, 1.0)
    x = jnp.asarray((features - center) / spread, jnp.float32)
    target, weight = jnp.asarray(labels, jnp.int32), jnp.float32(penalty / len(x))
    shape = x.shape[1] + 1, classes

    def cost(flat: Host) -> tuple[float, Host]:
        value, slope = _cost(jnp.asarray(flat.reshape(shape), jnp.float32), x, target, weight)
        return float(value), np.asarray(slope, np.float64).ravel()

    options = {"maxiter": steps, "gtol": tolerance, "ftol": 0.0}
    found = minimize(cost, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
    kernel, gradient = found.x.reshape(shape), float(np.abs(found.jac).max())
    if not np.isfinite(gradient):
        raise DivergedError("linear_probe: the loss is not finite; are all features?")
    kernel, bias = kernel[:-1] / spread[:, None], kernel[-1]
    return LinearProbe(kernel, bias - center @ kernel, gradient)


def knn_probe(
    features: Host,
    labels: Host,
    queries: Host,
    *,
    k: int = 20,
    temperature: float | None = 0.07,
) -> Host:
    """The class that the k nearest rows by cosine vote for, each with weight exp(cos / temperature)
    (Wu et al. 2018, arXiv 1805.01978, section 3.4), or, where that is None, with one vote each.

    Args: `features` `(N, D)`, `labels` `(N,)`, `queries` `(M, D)`. Returns: `(M,)` int32; of equal
    classes the lowest.
    """
    _check_rows("knn_probe", features, labels)
    if temperature is not None:
        check_positive("knn_probe: temperature", temperature)
    distances, rows = nearest(unit_features(queries), unit_features(features), k=k)
    cosine = 1 - distances.astype(np.float64) ** 2 / 2
    weights = np.ones_like(cosine) if temperature is None else np.exp((cosine - 1) / temperature)
    votes = np.zeros((len(queries), int(labels.max()) + 1))
    np.add.at(votes, (np.arange(len(queries))[:, None], labels[rows]), weights)
    return votes.argmax(axis=1).astype(np.int32)


@jax.jit
def _cost(params: Array, x: Array, labels: Array, penalty: Array) -> tuple[Array, Array]:
    """The objective and its gradient; `params` is the kernel with the bias as its last row."""

    def cost(params: Array) -> Array:
        logits = jnp.matmul(x, params[:-1], precision="highest") + params[-1:]
        loss = jnp.mean(softmax_cross_entropy(logits, labels))
        return loss + penalty / 2 * jnp.sum(params[:-1] ** 2)

    return jax.value_and_grad(cost)(params)


def unit_features(rows: Host) -> Host:
    """Rows of length one, `(N, D)` float32."""
    norms = np.sqrt(np.sum(np.square(rows, dtype=np.float64), axis=1, keepdims=True))
    return (rows / np.maximum(norms, 1e-12)).astype(np.float32)


def _check_rows(who: str, features: Host, labels: Host) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            f"{who}: features must be (N, D) and labels (N,), got {features.shape} and "
            f"{labels.shape}"
        )
