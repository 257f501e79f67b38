"""Losses of classifiers, from logits; one value per example, the caller averages.

Logits of half width are computed with as float32.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_positive, check_same_shape
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array


def softmax_cross_entropy(logits: Array, labels: Array, *, label_smoothing: float = 0.0) -> Array:
    """Cross-entropy of softmax(logits) with the label, smoothed (Szegedy et al. 2016, 1512.00567).

    loss = -sum_k q_k log softmax(logits)_k,
    q_k = (1 - label_smoothing) [k = label] + label_smoothing / K

    Args: `logits` `(..., K)`, `labels` `(...)` integers in [0, K). Returns: `(...)`.
    """
    _check_labels("softmax_cross_entropy", logits, labels)
    check_fraction("softmax_cross_entropy: label_smoothing", label_smoothing)
    logits = at_least_float32(logits)
    log_total = jax.nn.logsumexp(logits, axis=-1)
    loss = log_total - _own(logits, labels)
    if label_smoothing:
        uniform = log_total - jnp.mean(logits, axis=-1)
        loss = (1 - label_smoothing) * loss + label_smoothing * uniform
    return loss


def soft_cross_entropy(logits: Array, targets: Array, *, label_smoothing: float = 0.0) -> Array:
    """Cross-entropy of softmax(logits) with a distribution over the classes (mixup's targets).

    loss = -sum_k q_k log softmax(logits)_k, q = (1 - label_smoothing) targets + label_smoothing / K

    Args: `logits`, `targets` `(..., K)`, rows of `targets` sum to 1; a logit of -inf switches a
    class off. Returns: `(...)`.
    """
    check_same_shape("soft_cross_entropy: logits, targets", logits, targets)
    check_fraction("soft_cross_entropy: label_smoothing", label_smoothing)
    targets = at_least_float32(targets)
    targets = (1 - label_smoothing) * targets + label_smoothing / logits.shape[-1]
    log = jax.nn.log_softmax(at_least_float32(logits))
    return -jnp.sum(targets * jnp.where(targets == 0, 0, log), axis=-1)  # 0 log 0 = 0


def binary_cross_entropy(logits: Array, targets: Array) -> Array:
    """-t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) = max(z, 0) - z t + log(1 + exp(-|z|)).

    Args: `logits` `(...)`, `targets` `(...)`, 0 to 1 or bool. Returns: `(...)`, elementwise.
    """
    check_same_shape("binary_cross_entropy: logits, targets", logits, targets)
    logits = at_least_float32(logits)
    targets = targets.astype(logits.dtype)
    sure = (targets == 1) & (logits == jnp.inf)  # infinity minus infinity would be a NaN
    logits = jnp.where(sure, 0, logits)
    loss = jax.nn.softplus(logits) - jnp.where(targets == 0, 0, logits) * targets
    return jnp.where(sure, 0, loss)


def multi_label_cross_entropy(logits: Array, targets: Array) -> Array:
    """Mean over the classes of `binary_cross_entropy`: every class is its own yes or no.

    Args: `logits` `(B, K)`, `targets` `(B, K)`, 0 to 1 or bool. Returns: `(B,)`.
    """
    return jnp.mean(binary_cross_entropy(logits, targets), axis=-1)


def multiclass_hinge(logits: Array, labels: Array, *, margin: float = 1.0) -> Array:
    """Multiclass SVM loss (Weston & Watkins 1999): sum_{j != y} max(0, s_j - s_y + margin).

    Args: `logits` `(..., K)` scores s, `labels` `(...)` integers y in [0, K). Returns: `(...)`.
    """
    _check_labels("multiclass_hinge", logits, labels)
    check_positive("multiclass_hinge: margin", margin)
    logits = at_least_float32(logits)
    slack = jnp.maximum(0, logits - _own(logits, labels)[..., None] + margin)
    return jnp.sum(jnp.where(_is_label(logits, labels), 0, slack), axis=-1)


def _is_label(logits: Array, labels: Array) -> Array:
    """One-hot as bool `(..., K)`. A gather would do too, but its gradient is a slow scatter."""
    classes = jnp.arange(logits.shape[-1], dtype=jnp.int32).reshape((1,) * labels.ndim + (-1,))
    return labels.astype(jnp.int32)[..., None] == classes


def _own(logits: Array, labels: Array) -> Array:
    return jnp.sum(jnp.where(_is_label(logits, labels), logits, 0), axis=-1)


def _check_labels(who: str, logits: Array, labels: Array) -> None:
    if logits.shape[:-1] != labels.shape or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"{who}: labels must be integers (...) for logits (..., K), "
            f"got {labels.dtype} {labels.shape} for {logits.shape}"
        )
