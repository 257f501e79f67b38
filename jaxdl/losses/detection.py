"""Losses of detectors: one value per box, cell or example; the caller masks and averages."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_positive, check_same_shape
from jaxdl.losses.classification import binary_cross_entropy
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


def sigmoid_focal_loss(
    logits: Array, targets: Array, *, alpha: float = 0.25, gamma: float = 2.0
) -> Array:
    """Focal loss (Lin et al. 2017, arXiv 1708.02002, eq. 5): `(...)` x 2 -> `(...)`.

    -alpha_t (1 - p_t)^gamma log p_t, where p_t = p = sigmoid(logit) and alpha_t = alpha at a target
    of 1, and p_t = 1 - p, alpha_t = 1 - alpha at 0.
    """
    check_fraction("sigmoid_focal_loss: alpha", alpha)
    logits = at_least_float32(logits)
    cross_entropy = binary_cross_entropy(logits, targets)  # checks the shapes
    targets = targets.astype(logits.dtype)
    p = jax.nn.sigmoid(logits)
    wrong = p + targets - 2 * p * targets  # 1 - p_t
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return weight * wrong**gamma * cross_entropy


def hard_negatives(loss: Array, positive: Array, *, ratio: float = 3.0) -> Array:
    """Which of what is not `positive` counts: the `ratio` times as many with the largest loss.

    SSD's (Liu et al. 2016, arXiv 1512.02325, section 2.2, "Hard negative mining"), for each picture
    by itself: `(..., N)`, `(..., N)` bool -> `(..., N)` bool; equal losses go by place.
    """
    check_same_shape("hard_negatives: loss, positive", loss, positive)
    ranked = jnp.where(positive, -jnp.inf, jax.lax.stop_gradient(loss))
    rank = jnp.argsort(jnp.argsort(-ranked, axis=-1, stable=True), axis=-1)
    most = ratio * jnp.sum(positive, axis=-1, keepdims=True)
    return (rank < most) & ~positive


def centerness(sides: Array) -> Array:
    """How near the middle of a box a point is (Tian et al. 2019, arXiv 1904.01355, eq. 3).

    sqrt(min(l, r) / max(l, r) min(t, b) / max(t, b)) of its distances to the left, top, right and
    bottom `(..., 4)` -> `(...)`, 0 outside and on the edge.
    """
    near, far = (pick(sides[..., :2], sides[..., 2:]) for pick in (jnp.minimum, jnp.maximum))
    inside = jnp.all(near > 0, axis=-1)
    ratio = jnp.where(inside[..., None], near, 1) / jnp.where(inside[..., None], far, 1)
    return jnp.where(inside, jnp.sqrt(ratio[..., 0] * ratio[..., 1]), 0)


def pull_together(first: Array, second: Array, kept: Array) -> Array:
    """Associative embedding, one object (Law & Deng 2018, arXiv 1808.01244, eq. 4).

    The mean over objects of (e1 - e)^2 + (e2 - e)^2, e = (e1 + e2) / 2, where e1 and e2 are the
    embeddings of its two corners: `(..., N)` x 2, `kept` `(..., N)` bool -> `(...)`.
    """
    check_same_shape("pull_together: first, second", first, second)
    middle = (first + second) / 2
    apart = (first - middle) ** 2 + (second - middle) ** 2
    count = jnp.maximum(jnp.sum(kept, axis=-1), 1)
    return jnp.sum(jnp.where(kept, apart, 0), axis=-1) / count


def push_apart(first: Array, second: Array, kept: Array, *, margin: float = 1.0) -> Array:
    """Associative embedding, two objects (Law & Deng 2018, arXiv 1808.01244, eq. 5).

    The mean over pairs of objects of max(0, margin - |e - e'|), 0 where there is no pair; arguments
    as in `pull_together`.
    """
    check_same_shape("push_apart: first, second", first, second)
    middle = (first + second) / 2
    near = jax.nn.relu(margin - jnp.abs(middle[..., :, None] - middle[..., None, :]))
    order = jnp.arange(kept.shape[-1])
    other = (order[:, None] != order[None]).reshape((1,) * (kept.ndim - 1) + (len(order),) * 2)
    pair = kept[..., :, None] & kept[..., None, :] & other
    count = jnp.maximum(jnp.sum(pair, axis=(-2, -1)), 1)
    return jnp.sum(jnp.where(pair, near, 0), axis=(-2, -1)) / count
