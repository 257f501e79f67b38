"""How often a classifier is right; counts that add up over batches and devices."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_positive, check_rank
from jaxdl.metrics.accumulate import weighted
from jaxdl.typing import Array, ArrayLike, Host, Pair


def accuracy(logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Pair:
    """Share of examples whose largest logit is the label's: `(..., K)`, `(...)` -> (sum, count).

    `weights` `(...)`: a mask or example weights. Equal logits count for the smallest class.
    """
    return top_k_accuracy(logits, labels, weights, k=1)


def top_k_accuracy(
    logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, *, k: int = 5
) -> Pair:
    """Share of examples whose label is among the k largest logits; arguments as in `accuracy`."""
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"accuracy: labels must have shape {logits.shape[:-1]}, got {labels.shape}"
        )
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError(f"top_k_accuracy: k must lie in 1..{logits.shape[-1]}, got {k}")
    logits, labels = jnp.asarray(logits), jnp.asarray(labels).astype(jnp.int32)
    own = jnp.take_along_axis(logits, labels[..., None], axis=-1)
    classes = jnp.arange(logits.shape[-1], dtype=jnp.int32)
    earlier = classes.reshape((1,) * labels.ndim + (-1,)) < labels[..., None]
    # Not `logits > own`: a NaN must not count as right.
    ahead = ~(own >= logits) | ((own == logits) & earlier)
    return weighted(jnp.sum(ahead, axis=-1) < k, weights)


def confusion_matrix(
    predictions: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, *, num_classes: int
) -> Array:
    """Counts `(K, K)`, row: true class, column: predicted class; add those of batches and devices.

    Args: `predictions`, `labels` `(...)` integers in [0, K), `weights` `(...)` a mask or example
    weights. Without weights the counts are int32, with them float32.
    """
    weights = jnp.ones(labels.shape, jnp.int32) if weights is None else weights.astype(jnp.float32)
    counts = jnp.zeros((num_classes, num_classes), weights.dtype)
    return counts.at[labels, predictions].add(weights, mode="drop")


class Rates(NamedTuple):
    """Per class, `(K,)` float64 on the host; 0 where nothing was counted, as in scikit-learn."""

    precision: Host  # TP / (TP + FP)
    recall: Host  # TP / (TP + FN)
    f1: Host  # 2 precision recall / (precision + recall)
    support: Host  # TP + FN


def precision_recall_f1(confusion: ArrayLike) -> Rates:
    """Precision, recall and F1 of every class from a confusion matrix `(K, K)`.

    The mean of a rate is its macro average; weighted by `support`, its weighted average.
    """
    check_rank("precision_recall_f1: confusion", confusion, 2)
    confusion = np.asarray(confusion, np.float64)
    right, predicted, support = np.diag(confusion), confusion.sum(0), confusion.sum(1)

    def share(part: Host, whole: Host) -> Host:
        return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)

    f1 = share(2 * right, predicted + support)
    return Rates(share(right, predicted), share(right, support), f1, support)


def wilson_interval(right: float, count: int, *, deviations: float = 1.96) -> tuple[float, float]:
    """Between which shares the true one lies (Wilson 1927), 95 % at 1.96 deviations.

    Of `right` among `count` independent trials; what shares frames or pictures is not independent.
    """
    check_positive("wilson_interval: count", count)
    share, square = right / count, deviations**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    spread = (share * (1 - share) / count + square / (4 * count**2)) ** 0.5
    half = deviations * spread / (1 + square / count)
    return middle - half, middle + half
