"""Losses of detectors: one value per box, cell or example; the caller masks and averages."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_same_shape
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array


def smooth_l1(predicted: Array, target: Array, *, beta: float = 1.0) -> Array:
    """Huber's loss over the last axis (Girshick 2015, arXiv 1504.08083, eq. 3).

    sum of d^2 / (2 beta) where |d| < beta, else |d| - beta / 2: `(..., D)` x 2 -> `(...)`.
    """
    check_same_shape("smooth_l1: predicted, target", predicted, target)
    check_positive("smooth_l1: beta", beta)
    d = jnp.abs(at_least_float32(predicted) - target)
    return jnp.sum(jnp.where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta), axis=-1)


def confidence_mse(logits: Array, target: Array) -> Array:
    """(sigmoid(logit) - target)^2, a confidence by regression: `(...)` x 2 -> `(...)`."""
    check_same_shape("squared_confidence: logits, target", logits, target)
    return (jax.nn.sigmoid(at_least_float32(logits)) - target) ** 2


def heatmap_focal_loss(
    logits: Array, heat: Array, *, alpha: float = 2.0, beta: float = 4.0
) -> Array:
    """CornerNet's focal loss of heat maps (Law & Deng 2018, arXiv 1808.01244, eq. 1).

    With p = sigmoid(logit): -(1 - p)^alpha log p where `heat` is 1, else
    -(1 - heat)^beta p^alpha log(1 - p); `(...)` x 2 -> `(...)`.
    """
    check_same_shape("focal_heat: logits, heat", logits, heat)
    logits = at_least_float32(logits)
    p = jax.nn.sigmoid(logits)
    peak = -((1 - p) ** alpha) * jax.nn.log_sigmoid(logits)
    rest = -((1 - heat) ** beta) * p**alpha * jax.nn.log_sigmoid(-logits)
    return jnp.where(heat == 1, peak, rest)
