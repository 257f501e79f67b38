"""The set loss of DETR: truths find their queries by least cost (Carion et al. 2020, 3.1)."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.detection.matching import match_by_cost
from jaxdl.detection.set_prediction.detr import SetPredictions
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.boxes.geometry import center_to_corners, corners_to_center, giou, paired_giou
from jaxdl.typing import Array, Batch

Weights = tuple[float, float, float]  # of the class, the L1 distance, the generalized IoU


def detr_losses(
    out: SetPredictions,
    batch: Batch,
    *,
    loss_weights: Weights = (1.0, 5.0, 2.0),
    cost_weights: Weights = (1.0, 5.0, 2.0),
    no_object_weight: float = 0.1,
) -> dict[str, Array]:
    """`class`, `l1`, `giou`, each `(B,)`, times its weight: sums over the decoder's layers.

    Every layer has its own matching. Class: cross-entropy of all queries, the mean with weight
    `no_object_weight` for those that no truth has, and 1 for others. Boxes, in parts of the
    picture: |difference| and 1 - GIoU of matched queries through the picture's number of objects
    (the published code takes that of the batch).
    """
    height, width = batch["image"].shape[1:3]
    size = jnp.array([width, height, width, height], jnp.float32)
    truths = corners_to_center(batch["boxes"] / size[None, None])
    one = partial(_layer_losses, cost_weights=cost_weights, no_object_weight=no_object_weight)
    of_layers = jax.vmap(one, (0, 0, None, None, None))
    parts = jax.vmap(of_layers)(*out, truths, batch["labels"], batch["kept"])  # 3 of (B, L)
    names = ("class", "l1", "giou")
    return {
        name: weight * jnp.sum(part, axis=1)
        for name, weight, part in zip(names, loss_weights, parts, strict=True)
    }


def set_cost(logits: Array, boxes: Array, truths: Array, labels: Array, weights: Weights) -> Array:
    """What each pair of query and truth costs, `(Q, M)`.

    - probability of the truth's class + |difference of boxes| - GIoU, each with its weight.
    `logits` `(Q, K + 1)`, `boxes` `(Q, 4)` and `truths` `(M, 4)` in the form of `SetPredictions`.
    """
    chance = jax.nn.softmax(logits)[:, labels]
    apart = jnp.sum(jnp.abs(boxes[:, None] - truths[None]), axis=-1)
    overlap = giou(center_to_corners(boxes), center_to_corners(truths))
    return -weights[0] * chance + weights[1] * apart - weights[2] * overlap


def _layer_losses(
    logits: Array,
    boxes: Array,
    truths: Array,
    labels: Array,
    kept: Array,
    *,
    cost_weights: Weights,
    no_object_weight: float,
) -> tuple[Array, Array, Array]:
    """One layer's answer to one picture."""
    nothing = logits.shape[-1] - 1
    labels = jnp.where(kept, labels, 0)
    query = match_by_cost(set_cost(logits, boxes, truths, labels, cost_weights), kept)
    matched = query >= 0
    place = jnp.where(matched, query, len(logits))  # the others fall off the end
    target = jnp.full(len(logits), nothing, jnp.int32).at[place].set(labels, mode="drop")
    weight = jnp.where(target == nothing, no_object_weight, 1.0)
    kind = jnp.sum(weight * softmax_cross_entropy(logits, target)) / jnp.sum(weight)
    said, count = boxes[jnp.maximum(query, 0)], jnp.maximum(jnp.sum(kept), 1)
    l1 = jnp.sum(jnp.abs(said - truths), axis=-1)
    apart = 1 - paired_giou(center_to_corners(said), center_to_corners(truths))
    l1, apart = (jnp.sum(jnp.where(matched, value, 0)) / count for value in (l1, apart))
    return kind, l1, apart
