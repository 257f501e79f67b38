"""Losses that draw what belongs together near and what does not apart; one value per example.

Where a loss compares the rows of a batch, `axis_name` is the named axis of the devices that share
it (None: one device): the rows of all devices are compared, and every device gets its own rows.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.collectives import first_row, gather_rows
from jaxdl.ops.distance import unit_rows
from jaxdl.typing import Array

MAX_SCALE = 100.0  # of CLIP's logits (Radford et al. 2021, section 2.5)
APART = 1e-6  # added to each difference, as torch does: a finite gradient where points meet


def nt_xent(
    za: Array, zb: Array, *, temperature: float = 0.5, axis_name: str | None = None
) -> Array:
    """NT-Xent (Chen et al. 2020, arXiv 2002.05709, eq. 1); p(i) is the other view of i.

    loss_i = -log(exp(s[i, p(i)] / t) / sum_{k != i} exp(s[i, k] / t)),  s = cosine similarity,
    k over the 2 B views of the batch of all devices.

    Args: `za`, `zb` `(B, D)`, row i of both is the same image. Returns: `(2 B,)`, za's rows first.
    """
    check_rank("nt_xent: za", za, 2)
    check_same_shape("nt_xent: za, zb", za, zb)
    check_positive("nt_xent: temperature", temperature)
    za, zb = unit_rows(za), unit_rows(zb)
    everyone = [gather_rows(z, axis_name) for z in (za, zb)]
    rows, total = jnp.arange(len(za)) + first_row(za, axis_name), len(everyone[0])
    own = jnp.concatenate([rows, rows + total])
    partner = jnp.concatenate([rows + total, rows])
    logits = jnp.concatenate([za, zb]) @ jnp.concatenate(everyone).T / temperature
    is_own = own[:, None] == jnp.arange(2 * total)[None, :]
    return softmax_cross_entropy(jnp.where(is_own, -jnp.inf, logits), partner)


def info_nce(query: Array, positive: Array, queue: Array, *, temperature: float = 0.07) -> Array:
    """InfoNCE with negatives from a queue (MoCo, He et al. 2020, arXiv 1911.05722, eq. 1).

    loss_i = -log(exp(s(q_i, k_i) / t) / (exp(s(q_i, k_i) / t) + sum_n exp(s(q_i, n) / t)))

    Keys get no gradient, as they come from the moving average of the encoder.

    Args: `query`, `positive` `(B, D)`, `queue` `(N, D)`; s is the cosine. Returns: `(B,)`.
    """
    check_rank("info_nce: query", query, 2)
    check_same_shape("info_nce: query, positive", query, positive)
    check_positive("info_nce: temperature", temperature)
    query = unit_rows(query)
    positive, queue = jax.lax.stop_gradient((unit_rows(positive), unit_rows(queue)))
    near = jnp.sum(query * positive, axis=1, keepdims=True)
    logits = jnp.concatenate([near, query @ queue.T], axis=1) / temperature
    return softmax_cross_entropy(logits, jnp.zeros(len(query), jnp.int32))


def clip_loss(
    image: Array, text: Array, log_scale: Array, *, axis_name: str | None = None
) -> Array:
    """CLIP's symmetric loss with a learned temperature (Radford et al. 2021, 2103.00020, fig. 3).

    loss_i = (CE(c s(image_i, text_*), i) + CE(c s(text_i, image_*), i)) / 2,
    c = min(exp(log_scale), 100), * over the batch of all devices, s the cosine.

    Args: `image`, `text` `(B, D)`, `log_scale` a scalar that is learned. Returns: `(B,)`.
    """
    check_rank("clip_loss: image", image, 2)
    check_same_shape("clip_loss: image, text", image, text)
    check_rank("clip_loss: log_scale", log_scale, 0)
    scale = jnp.minimum(jnp.exp(log_scale), MAX_SCALE)
    image, text = unit_rows(image), unit_rows(text)
    label = jnp.arange(len(image)) + first_row(image, axis_name)
    by_image = scale * image @ gather_rows(text, axis_name).T
    by_text = scale * text @ gather_rows(image, axis_name).T
    return (softmax_cross_entropy(by_image, label) + softmax_cross_entropy(by_text, label)) / 2


def triplet(anchor: Array, positive: Array, negative: Array, *, margin: float = 1.0) -> Array:
    """max(0, |a - p| - |a - n| + margin) (Schroff et al. 2015, arXiv 1503.03832, unsquared).

    Args: `(B, D)` each. Returns: `(B,)`, as torch's `triplet_margin_loss`.
    """
    check_same_shape("triplet: anchor, positive", anchor, positive)
    check_same_shape("triplet: anchor, negative", anchor, negative)
    check_positive("triplet: margin", margin)
    near, far = pair_distance(anchor, positive), pair_distance(anchor, negative)
    return jnp.maximum(near - far + margin, 0)


def contrastive_pairs(a: Array, b: Array, same: Array, *, margin: float = 1.0) -> Array:
    """d^2 / 2 for a pair of the same, max(0, margin - d)^2 / 2 for others (Hadsell et al. 2006).

    Args: `a`, `b` `(B, D)`, `same` `(B,)` bool; d = |a - b|. Returns: `(B,)`.
    """
    check_same_shape("contrastive_pairs: a, b", a, b)
    check_positive("contrastive_pairs: margin", margin)
    distance = pair_distance(a, b)
    check_same_shape("contrastive_pairs: same, pairs", same, distance)
    away = jnp.maximum(margin - distance, 0)
    return jnp.where(same, distance, away) ** 2 / 2


def pair_distance(a: Array, b: Array) -> Array:
    """|a_i - b_i + 1e-6|, `(B, D)` twice -> `(B,)`."""
    check_rank("pair_distance: a", a, 2)
    return jnp.linalg.norm(a - b + APART, axis=1)
