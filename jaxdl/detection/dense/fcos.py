"""FCOS: each cell says how far the sides of its object are, without anchors.

Tian et al. 2019, arXiv 1904.01355 (2020, arXiv 2006.09214), in torchvision's form: center sampling,
generalized IoU, distances in strides, centerness beside the boxes.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.detection.box_coder import decode_sides, encode_sides
from jaxdl.detection.dense.levels import (
    Tower,
    best_of_levels,
    by_anchor,
    class_targets,
    match_batch,
    pyramid_levels,
    quiet_conv,
    take_anchors,
)
from jaxdl.detection.dense.retinanet import RARE, anchors_of
from jaxdl.detection.matching import match_by_range
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.losses.detection import centerness, sigmoid_focal_loss
from jaxdl.ops.boxes.geometry import paired_giou
from jaxdl.typing import Array, Batch, ModuleDef


class PointPredictions(NamedTuple):
    """Of each cell, level by level."""

    logits: list[Array]  # (B, H_l, W_l, K)
    sides: list[Array]  # (B, H_l, W_l, 4) in strides, at least 0: left, top, right, bottom
    center: list[Array]  # (B, H_l, W_l, 1) logits of the centerness


class FCOS(nn.Module):
    """Backbone - pyramid - two towers of convolutions: `(B, H, W, C)` -> `PointPredictions`.

    As in `RetinaNet`, but for the bias beside the norm. At first every side is one stride away.
    """

    backbone: nn.Module
    num_classes: int
    stages: tuple[str, ...] = ("stage2", "stage3", "stage4")
    features: int = 256
    depth: int = 4  # of each tower
    num_extra: int = 2  # levels beyond the stages
    extra_from: str = "pyramid"
    norm: ModuleDef | None = partial(GroupNorm, groups=32)

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> PointPredictions:
        levels = pyramid_levels(self, x, train)
        tower = partial(Tower, self.features, self.depth, self.norm)
        classify = quiet_conv(self.num_classes, "classes", bias=RARE)
        locate, center = quiet_conv(4, "sides", bias=1.0), quiet_conv(1, "center")
        judged = tower(name="class_tower")(levels, train=train)
        placed = tower(name="box_tower")(levels, train=train)
        return PointPredictions(
            [classify(y) for y in judged],
            [jax.nn.relu(locate(y)) for y in placed],
            [center(y) for y in placed],
        )


def fcos_losses(
    out: PointPredictions,
    batch: Batch,
    *,
    strides: Sequence[float],
    radius: float = 1.5,
    reach: float = 4.0,
    alpha: float = 0.25,
    gamma: float = 2.0,
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> dict[str, Array]:
    """`class`, `box`, `center`, each `(B,)`: sums over the picture through its positive cells.

    Classes: focal loss of all cells. Boxes: 1 - generalized IoU of positive cells; centerness:
    cross-entropy of theirs. Level l is for objects whose farthest side is `reach` to 2 `reach`
    strides away; the first for all nearer ones, the last for all farther. torchvision divides by
    the positive cells of the whole batch: with one picture it is the same.
    """
    anchors = square_anchors(out.logits, batch["image"].shape[1:3], strides)
    cells = [x.shape[1] * x.shape[2] for x in out.logits]
    bounds = jnp.asarray(np.repeat(level_reach(strides, reach), cells, axis=0), jnp.float32)
    found, boxes, labels = match_batch(
        partial(match_by_range, anchors, bounds, radius=radius), batch
    )
    logits, sides = by_anchor(out.logits), by_anchor(out.sides)
    target = class_targets(found, labels, logits.shape[-1])
    judged = jnp.sum(sigmoid_focal_loss(logits, target, alpha=alpha, gamma=gamma), axis=-1)
    apart = 1 - paired_giou(jax.vmap(partial(decode_sides, anchors))(sides), boxes)
    middle = centerness(jax.vmap(partial(encode_sides, anchors))(boxes))
    sure = binary_cross_entropy(by_anchor(out.center)[..., 0], middle)
    count = jnp.maximum(jnp.sum(found.positive, axis=1), 1)
    parts = {
        "class": judged,
        "box": jnp.where(found.positive, apart, 0),
        "center": jnp.where(found.positive, sure, 0),
    }
    return {
        name: weight * jnp.sum(value, axis=1) / count
        for (name, value), weight in zip(parts.items(), loss_weights, strict=True)
    }


def fcos_candidates(
    out: PointPredictions, size: tuple[int, int], *, strides: Sequence[float], count: int = 1000
) -> tuple[Array, Array, Array]:
    """The `count` best of each level: boxes in pixels `(B, M, 4)`, scores `(B, M)`, labels.

    A score is the geometric mean of the class's probability and the centerness.
    """
    anchors = square_anchors(out.logits, size, strides)
    scores = [
        jnp.sqrt(jax.nn.sigmoid(logits) * jax.nn.sigmoid(center))
        for logits, center in zip(out.logits, out.center, strict=True)
    ]
    score, index, labels = best_of_levels(scores, count)
    sides = take_anchors(by_anchor(out.sides), index)
    return decode_sides(take_anchors(anchors, index), sides), score, labels


def square_anchors(
    levels: Sequence[Array], size: tuple[int, ...], strides: Sequence[float]
) -> Array:
    """A square of one stride around each cell's point: `(N, 4)`."""
    return anchors_of(levels, size, [(stride,) for stride in strides], (1.0,))


def level_reach(strides: Sequence[float], reach: float) -> np.ndarray:
    """How far the farthest side of an object may be, from and to, of each level `(L, 2)`."""
    low, high = reach * np.asarray(strides), 2 * reach * np.asarray(strides)
    low[0], high[-1] = 0, np.inf
    return np.stack([low, high], axis=-1)
