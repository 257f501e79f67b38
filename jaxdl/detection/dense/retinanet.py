"""RetinaNet: every anchor of a pyramid judged, most of them easily, by the focal loss.

Lin et al. 2017, arXiv 1708.02002, in torchvision's form.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.anchors import level_anchors
from jaxdl.detection.box_coder import decode_rcnn, encode_rcnn
from jaxdl.detection.dense.levels import (
    Tower,
    best_of_levels,
    by_anchor,
    class_targets,
    match_batch,
    pyramid_levels,
    quiet_conv,
    split_last,
    take_anchors,
)
from jaxdl.detection.matching import match_by_iou
from jaxdl.losses.detection import sigmoid_focal_loss
from jaxdl.ops.boxes.geometry import paired_giou
from jaxdl.typing import Array, Batch, ModuleDef

BOX_LOSSES = ("l1", "giou")
RARE = -math.log((1 - 0.01) / 0.01)  # the logit of 1 %: at first hardly anything is an object


class AnchorPredictions(NamedTuple):
    """Of the A anchors of each cell, level by level."""

    logits: list[Array]  # (B, H_l, W_l, A, K)
    offsets: list[Array]  # (B, H_l, W_l, A, 4)


class RetinaNet(nn.Module):
    """Backbone - pyramid - two towers of convolutions: `(B, H, W, C)` -> `AnchorPredictions`.

    The towers' convolutions start from Kaiming's normal, not from the paper's 0.01, which needs
    pretrained features to be heard at all; with `norm` they have no bias.
    """

    backbone: nn.Module
    num_classes: int
    num_anchors: int = 9  # of a cell
    stages: tuple[str, ...] = ("stage2", "stage3", "stage4")
    features: int = 256
    depth: int = 4  # of each tower
    num_extra: int = 2  # levels beyond the stages
    extra_from: str = "pyramid"
    norm: ModuleDef | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> AnchorPredictions:
        levels = pyramid_levels(self, x, train)
        tower = partial(Tower, self.features, self.depth, self.norm, self.norm is None)
        count = self.num_anchors
        classify = quiet_conv(count * self.num_classes, "classes", bias=RARE)
        locate = quiet_conv(count * 4, "offsets")
        judged = tower(name="class_tower")(levels, train=train)
        placed = tower(name="box_tower")(levels, train=train)
        return AnchorPredictions(
            [split_last(classify(y), self.num_classes) for y in judged],
            [split_last(locate(y), 4) for y in placed],
        )


def retinanet_losses(
    out: AnchorPredictions,
    batch: Batch,
    *,
    sides: Sequence[Sequence[float]],
    ratios: Sequence[float],
    positive_iou: float = 0.5,
    negative_iou: float = 0.4,
    alpha: float = 0.25,
    gamma: float = 2.0,
    box_loss: str = "l1",
    loss_weights: tuple[float, float] = (1.0, 1.0),
) -> dict[str, Array]:
    """`class` and `box`, each `(B,)`: sums over the picture through its number of positive anchors.

    Classes: focal loss of all anchors but those between the two thresholds. Boxes: absolute
    differences of the positive anchors' offsets, or 1 - generalized IoU.
    """
    anchors = anchors_of(out.logits, batch["image"].shape[1:3], sides, ratios)
    rule = partial(match_by_iou, positive=positive_iou, negative=negative_iou, own=True)
    found, boxes, labels = match_batch(partial(rule, anchors), batch)
    logits, offsets = by_anchor(out.logits), by_anchor(out.offsets)
    target = class_targets(found, labels, logits.shape[-1])
    judged = jnp.sum(sigmoid_focal_loss(logits, target, alpha=alpha, gamma=gamma), axis=-1)
    if box_loss == "l1":
        apart = jnp.sum(jnp.abs(offsets - jax.vmap(partial(encode_rcnn, anchors))(boxes)), axis=-1)
    else:
        apart = 1 - paired_giou(jax.vmap(partial(decode_rcnn, anchors))(offsets), boxes)
    count = jnp.maximum(jnp.sum(found.positive, axis=1), 1)
    parts = {
        "class": jnp.where(found.positive | found.negative, judged, 0),
        "box": jnp.where(found.positive, apart, 0),
    }
    return {
        name: weight * jnp.sum(value, axis=1) / count
        for (name, value), weight in zip(parts.items(), loss_weights, strict=True)
    }


def retinanet_candidates(
    out: AnchorPredictions,
    size: tuple[int, int],
    *,
    sides: Sequence[Sequence[float]],
    ratios: Sequence[float],
    count: int = 1000,
) -> tuple[Array, Array, Array]:
    """The `count` best of each level: boxes in pixels `(B, M, 4)`, scores `(B, M)`, labels."""
    anchors = anchors_of(out.logits, size, sides, ratios)
    scores, index, labels = best_of_levels([jax.nn.sigmoid(x) for x in out.logits], count)
    offsets = take_anchors(by_anchor(out.offsets), index)
    return decode_rcnn(take_anchors(anchors, index), offsets), scores, labels


def anchors_of(
    levels: Sequence[Array],
    size: tuple[int, ...],
    sides: Sequence[Sequence[float]],
    ratios: Sequence[float],
) -> Array:
    """The anchors `(N, 4)` of predictions on these levels of a picture of `size` (H, W)."""
    return level_anchors((size[0], size[1]), [x.shape[1:3] for x in levels], sides, ratios)
