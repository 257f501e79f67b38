"""SSD: default boxes on maps of falling size, the background one more class.

Liu et al. 2016, arXiv 1512.02325; SSDlite (Sandler et al. 2018, arXiv 1801.04381, section 6.2)
predicts by depthwise convolutions. In torchvision's form.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.anchors import default_boxes
from jaxdl.detection.box_coder import decode_rcnn, encode_rcnn
from jaxdl.detection.dense.levels import (
    by_anchor,
    match_batch,
    split_last,
    take_anchors,
    top_scores,
)
from jaxdl.detection.dense.one_stage import backbone_stages
from jaxdl.detection.matching import match_each_truth
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.detection import hard_negatives, smooth_l1
from jaxdl.typing import Array, Batch, ModuleDef

WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the offsets: the reciprocal "variances" .1 and .2
xavier = nn.initializers.xavier_uniform()


class DefaultBoxPredictions(NamedTuple):
    """Of the A_l default boxes of each cell, level by level."""

    logits: list[Array]  # (B, H_l, W_l, A_l, 1 + K), the background first
    offsets: list[Array]  # (B, H_l, W_l, A_l, 4), times `WEIGHTS`


class SSD(nn.Module):
    """Stages of a backbone, `extra` coarser maps, a convolution on each for classes and for boxes.

    `(B, H, W, C)` -> `DefaultBoxPredictions`. An extra map is a 1x1 convolution to half its
    features, then a 3x3 one: of stride 2, or of stride 1 without padding. `lite` makes the 3x3
    convolutions depthwise, with `norm` and ReLU6, followed by 1x1; the others have no norm.
    """

    backbone: nn.Module
    num_classes: int
    num_boxes: tuple[int, ...]  # of a cell of each level
    stages: tuple[str, ...] = ("last",)
    extra: tuple[int, ...] = ()  # features of the maps beyond the stages
    extra_strides: tuple[int, ...] = ()  # of their 3x3 convolutions
    lite: bool = False
    norm: ModuleDef | None = None  # of `lite`

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> DefaultBoxPredictions:
        maps = backbone_stages(self.backbone, self.stages, x, train)
        further = zip(self.extra, self.extra_strides, strict=True)
        for i, (features, stride) in enumerate(further, 1):
            maps.append(self.shrink(maps[-1], features, stride, f"extra{i}", train))
        logits, offsets = [], []
        for i, (level, count) in enumerate(zip(maps, self.num_boxes, strict=True), 1):
            columns = self.num_classes + 1
            y = self.predict(level, count * columns, f"classes{i}", train)
            logits.append(split_last(y, columns))
            y = self.predict(level, count * 4, f"offsets{i}", train)
            offsets.append(split_last(y, 4))
        return DefaultBoxPredictions(logits, offsets)

    @nn.nowrap
    def shrink(self, x: Array, features: int, stride: int, name: str, train: bool) -> Array:
        """One more, coarser map."""
        if not self.lite:
            unit = partial(ConvNorm, norm=None)
            x = unit(features // 2, 1, name=f"{name}_in")(x, train=train)
            padding = 1 if stride > 1 else 0
            return unit(features, 3, stride, padding, name=f"{name}_out")(x, train=train)
        unit, inner = partial(ConvNorm, act=jax.nn.relu6, norm=self.norm), features // 2
        x = unit(inner, 1, name=f"{name}_in")(x, train=train)
        x = unit(inner, 3, stride, groups=inner, name=f"{name}_depthwise")(x, train=train)
        return unit(features, 1, name=f"{name}_out")(x, train=train)

    @nn.nowrap
    def predict(self, x: Array, features: int, name: str, train: bool) -> Array:
        """The predictions of a level, all boxes of a cell in a row."""
        if not self.lite:
            return Conv(features, 3, padding=1, kernel_init=xavier, name=name)(x)
        channels = x.shape[-1]
        unit = partial(ConvNorm, channels, act=jax.nn.relu6, norm=self.norm, groups=channels)
        x = unit(name=f"{name}_depthwise")(x, train=train)
        return Conv(features, 1, kernel_init=xavier, name=name)(x)


def ssd_losses(
    out: DefaultBoxPredictions,
    batch: Batch,
    *,
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    positive_iou: float = 0.5,
    negatives: float = 3.0,
    loss_weights: tuple[float, float] = (1.0, 1.0),
) -> dict[str, Array]:
    """`class` and `box`, each `(B,)`: sums over the picture through its number of positive boxes.

    Classes: cross-entropy of the positive boxes and of `negatives` times as many others, those with
    the largest loss; of a picture without objects there are none. Boxes: smooth L1 of the offsets.
    torchvision divides by the positive boxes of the whole batch: with one picture it is the same.
    (Where a picture has fewer negatives than it may take, it counts some positive ones twice.)
    """
    anchors = boxes_of(out, batch["image"].shape[1:3], scales, ratios)
    rule = partial(match_each_truth, anchors, positive=positive_iou)
    found, boxes, labels = match_batch(rule, batch)
    logits, offsets = by_anchor(out.logits), by_anchor(out.offsets)
    judged = softmax_cross_entropy(logits, jnp.where(found.positive, labels + 1, 0))
    counted = found.positive | hard_negatives(judged, found.positive, ratio=negatives)
    target = jax.vmap(partial(encode_rcnn, anchors, weights=WEIGHTS))(boxes)
    apart = smooth_l1(offsets, target)
    count = jnp.maximum(jnp.sum(found.positive, axis=1), 1)
    parts = {
        "class": jnp.where(counted, judged, 0),
        "box": jnp.where(found.positive, apart, 0),
    }
    return {
        name: weight * jnp.sum(value, axis=1) / count
        for (name, value), weight in zip(parts.items(), loss_weights, strict=True)
    }


def ssd_candidates(
    out: DefaultBoxPredictions,
    size: tuple[int, int],
    *,
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    steps: Sequence[float] | None = None,
    count: int = 400,
) -> tuple[Array, Array, Array]:
    """The `count` best of each class: boxes in pixels `(B, M, 4)`, scores `(B, M)`, labels."""
    anchors = boxes_of(out, size, scales, ratios, steps)
    chance = jax.nn.softmax(by_anchor(out.logits))[..., 1:]
    score, index = top_scores(jnp.moveaxis(chance, -1, 1), count)  # (B, K, M)
    labels = jnp.arange(score.shape[1], dtype=jnp.int32)[None, :, None]
    labels = jnp.broadcast_to(labels, score.shape)
    score, index, labels = (x.reshape(len(x), -1) for x in (score, index, labels))
    offsets = take_anchors(by_anchor(out.offsets), index)
    boxes = decode_rcnn(take_anchors(anchors, index), offsets, weights=WEIGHTS)
    return boxes, score, labels


def boxes_of(
    out: DefaultBoxPredictions,
    size: tuple[int, ...],
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    steps: Sequence[float] | None = None,
) -> Array:
    """The default boxes `(N, 4)` of these predictions in a picture of `size` (H, W)."""
    grids = [x.shape[1:3] for x in out.logits]
    return default_boxes((size[0], size[1]), grids, scales, ratios, steps=steps)


def count_boxes(ratios: Sequence[Sequence[float]]) -> tuple[int, ...]:
    """How many default boxes a cell of each level has: two squares, and two for each ratio."""
    return tuple(2 + 2 * len(level) for level in ratios)
