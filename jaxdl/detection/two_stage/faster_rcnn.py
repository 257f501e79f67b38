"""Faster R-CNN: proposals from anchors, then a class and a better box for each.

Ren et al. 2015, arXiv 1506.01497, in the form of the notes: the proposal head is 3x3 conv - dropout
- leaky ReLU - 1x1 conv to 6 A, regions are averaged after RoI align.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.box_coder import decode_rcnn, encode_rcnn
from jaxdl.detection.dense.one_stage import backbone_stages
from jaxdl.detection.fpn import FeaturePyramid, multilevel_roi_align
from jaxdl.detection.matching import Matches, match_by_iou
from jaxdl.detection.two_stage.sampler import (
    boxes_of,
    mean_where,
    sample_matches,
    sum_over,
)
from jaxdl.layers.conv import Conv
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.detection import smooth_l1
from jaxdl.ops.boxes.geometry import clip_to_image, usable_boxes
from jaxdl.ops.boxes.nms import nms, select_top
from jaxdl.typing import Array, Batch

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the second stage's offsets, as published


class Regions(NamedTuple):
    """What both stages say; N anchors, P proposals, K classes and the ground."""

    anchors: Array  # (N, 4) pixels
    objectness: Array  # (B, N, 2) logits: ground, object
    offsets: Array  # (B, N, 4) of the anchors
    proposals: Array  # (B, P, 4) pixels
    valid: Array  # (B, P) bool
    classes: Array  # (B, P, K + 1) logits, the ground last
    refined: Array  # (B, P, 4) offsets of the proposals


class ProposalHead(nn.Module):
    """3x3 conv - dropout - leaky ReLU - 1x1 conv to 6 A: two scores and four offsets an anchor."""

    num_anchors: int
    hidden: int
    dropout: float
    slope: float = 0.01

    @nn.compact
    def __call__(self, features: Array, *, train: bool) -> tuple[Array, Array]:
        y = Conv(self.hidden, 3, padding=1, name="hidden")(features)
        y = nn.Dropout(self.dropout, deterministic=not train, name="drop")(y)
        y = jax.nn.leaky_relu(y, self.slope)
        y = Conv(6 * self.num_anchors, 1, kernel_init=nn.initializers.normal(0.01), name="out")(y)
        y = y.reshape(*y.shape[:3], self.num_anchors, 6)
        y = jnp.moveaxis(y, 3, 1).reshape(len(y), -1, 6)  # (B, A H W, 6)
        return y[..., :2], y[..., 2:]


class RegionHead(nn.Module):
    """Linear - ReLU - dropout, then class and box: `(B, P, D)` -> `(B, P, K + 1)`, `(B, P, 4)`.

    With `class_boxes` each class has a box of its own: `(B, P, K, 4)`.
    """

    num_classes: int
    hidden: int
    dropout: float
    class_boxes: bool = False

    @nn.compact
    def __call__(self, regions: Array, *, train: bool) -> tuple[Array, Array]:
        y = jax.nn.relu(nn.Dense(self.hidden, name="hidden")(regions))
        y = nn.Dropout(self.dropout, deterministic=not train, name="drop")(y)
        small = nn.initializers.normal(0.01)
        classes = nn.Dense(self.num_classes + 1, kernel_init=small, name="class")(y)
        count = self.num_classes if self.class_boxes else 1
        box = nn.Dense(4 * count, kernel_init=nn.initializers.normal(0.001), name="box")(y)
        return classes, box.reshape(*box.shape[:-1], count, 4) if self.class_boxes else box


class FasterRCNN(nn.Module):
    """Both stages on the backbone's features: `(B, H, W, C)` -> `Regions`.

    The features are one of the backbone's named stages, or a pyramid of `fpn_features` channels
    over several, the finest first, whose levels share the heads. `shapes` are the anchors' in cells
    (of every level). The best of all levels go through suppression together. With `truth` (a
    prepared batch) the true boxes stand among the proposals, so that the second stage has objects
    to learn from the start. Raises UsageError for stages that do not become coarser.
    """

    backbone: nn.Module
    num_classes: int
    shapes: tuple[float, ...]
    stages: tuple[str, ...] = ("last",)
    fpn_features: int = 0
    fpn_canonical_cells: float = 14.0  # least side of a region in its level, in cells
    hidden: int = 128
    dropout: float = 0.3
    roi_size: int = 7  # cells per side of RoI align
    flatten_roi: bool = False  # the second stage sees all cells, not their mean
    post_nms_top_k: int = 50  # that are kept after NMS
    pre_nms_top_k: int = 300  # anchors that NMS looks at
    rpn_nms_iou: float = 0.7  # its threshold

    @nn.compact
    def __call__(self, x: Array, *, train: bool, truth: Batch | None = None) -> Regions:
        levels = backbone_stages(self.backbone, self.stages, x, train)
        size = x.shape[1], x.shape[2]
        strides = [size[0] / level.shape[1] for level in levels]
        if strides != sorted(set(strides)):
            raise UsageError(f"stages {self.stages} must become coarser, they measure {strides}")
        if self.fpn_features:
            levels = FeaturePyramid(self.fpn_features, name="pyramid")(levels)
        anchors = [
            make_anchors(level.shape[1:3], self.shapes, stride=stride).reshape(-1, 4)
            for level, stride in zip(levels, strides, strict=True)
        ]
        anchors = jnp.concatenate(anchors)
        head = ProposalHead(len(self.shapes) // 2, self.hidden, self.dropout, name="proposal")
        said = [head(level, train=train) for level in levels]
        objectness, offsets = (jnp.concatenate(part, axis=1) for part in zip(*said, strict=True))
        boxes, valid = self.propose(anchors, objectness, offsets, size)
        if truth is not None:
            boxes = jnp.concatenate([boxes, truth["boxes"]], axis=1)
            valid = jnp.concatenate([valid, truth["kept"]], axis=1)
        bins = (self.roi_size, self.roi_size)
        cut = multilevel_roi_align(
            levels, boxes, size=bins, strides=strides, canonical_cells=self.fpn_canonical_cells
        )
        seen = cut.reshape(*cut.shape[:2], -1) if self.flatten_roi else cut.mean(axis=(2, 3))
        second = RegionHead(self.num_classes, self.hidden, self.dropout, name="region")
        classes, refined = second(seen, train=train)
        return Regions(anchors, objectness, offsets, boxes, valid, classes, refined)

    def propose(
        self, anchors: Array, objectness: Array, offsets: Array, size: tuple[int, int]
    ) -> tuple[Array, Array]:
        """The best boxes of the first stage after NMS: `(B, P, 4)`, `(B, P)` bool; no gradient."""

        def one(scores: Array, offsets: Array) -> tuple[Array, Array]:
            boxes = clip_to_image(decode_rcnn(anchors, offsets), size)
            best = select_top(scores, usable_boxes(boxes, least=1.0), self.pre_nms_top_k)
            boxes = boxes[best.index]
            kept = nms(
                boxes, best.score, best.valid, threshold=self.rpn_nms_iou, count=self.post_nms_top_k
            )
            return jnp.where(kept.valid[:, None], boxes[kept.index], 0), kept.valid

        sure = jax.nn.softmax(objectness)[..., 1]
        return jax.vmap(one)(*jax.lax.stop_gradient((sure, offsets)))


def faster_rcnn_losses(
    out: Regions,
    batch: Batch,
    *,
    rpn_positive_iou: float = 0.7,
    rpn_negative_iou: float = 0.3,
    roi_positive_iou: float = 0.5,
    samples_per_image: int = 64,
    loss_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
) -> dict[str, Array]:
    """`objectness`, `proposal`, `class` and `box`, each `(B,)`, times its weight.

    First stage: `match_by_iou`, `samples_per_image` of the anchors, half positive; cross-entropy,
    and smooth L1 of positive anchors' offsets over `samples_per_image`. Second stage: a proposal is
    the truth's that it overlaps most, by at least `roi_positive_iou`, else background;
    `samples_per_image` of them, a quarter positive.
    """
    rule = partial(match_by_iou, out.anchors, positive=rpn_positive_iou, negative=rpn_negative_iou)
    first = Matches(*jax.vmap(rule)(batch["boxes"], batch["kept"]))
    some, others = sample_matches(batch["draw"], first, samples_per_image, 0.5)
    target = jax.vmap(partial(encode_rcnn, out.anchors))(boxes_of(first, some, batch))
    parts = {
        "objectness": mean_where(
            softmax_cross_entropy(out.objectness, some.astype(jnp.int32)), some | others
        ),
        "proposal": sum_over(smooth_l1(out.offsets, target, beta=1 / 9), some, samples_per_image),
    }
    given = (out.proposals, out.valid, out.classes, out.refined)
    parts |= region_losses(
        given, batch, roi_positive_iou=roi_positive_iou, samples_per_image=samples_per_image
    )
    return {k: w * v for (k, v), w in zip(parts.items(), loss_weights, strict=True)}


def region_losses(
    out: tuple[Array, Array, Array, Array],
    batch: Batch,
    *,
    roi_positive_iou: float = 0.5,
    roi_neutral: float = 0.0,
    samples_per_image: int = 64,
) -> dict[str, Array]:
    """`class` and `box` `(B,)` of proposals, which of them are valid, their logits and offsets.

    A proposal is the truth's that it overlaps most, by at least `roi_positive_iou`; background
    below `roi_positive_iou - roi_neutral`; in between it does not count (R-CNN: Girshick et al.
    2014, section 2.3, whose SVMs take IoU under .3 as background). `samples_per_image` of them are
    learned from, a quarter positive: cross-entropy, and smooth L1 over `samples_per_image`. Offsets
    are `(B, P, 4)`, or `(B, P, K, 4)` of each class, of which the true one's is learned.
    """
    proposals, valid, logits, offsets = out
    negative = roi_positive_iou - roi_neutral
    rule = partial(match_by_iou, positive=roi_positive_iou, negative=negative, best=False)
    match = Matches(*jax.vmap(rule)(proposals, batch["boxes"], batch["kept"]))
    match = Matches(match.truth, match.positive & valid, match.negative & valid)
    some, others = sample_matches(batch["draw"] + jnp.uint32(1), match, samples_per_image, 0.25)
    label = jnp.take_along_axis(batch["labels"], match.truth, axis=1)
    if offsets.ndim == 4:
        offsets = jnp.take_along_axis(offsets, label[..., None, None], axis=2)[:, :, 0]
    label = jnp.where(some, label, logits.shape[-1] - 1)
    aim = encode_rcnn(proposals, boxes_of(match, some, batch), weights=BOX_WEIGHTS)
    return {
        "class": mean_where(softmax_cross_entropy(logits, label), some | others),
        "box": sum_over(smooth_l1(offsets, aim), some, samples_per_image),
    }


def faster_rcnn_candidates(out: Regions, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Each proposal refined, once for every class: `(B, P K, 4)`, `(B, P K)`, `(B, P K)`."""
    return region_candidates((out.proposals, out.valid, out.classes, out.refined), size)


def region_candidates(
    out: tuple[Array, Array, Array, Array], size: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """As `faster_rcnn_candidates`, of what `region_losses` takes."""
    proposals, valid, logits, offsets = out
    offsets = offsets if offsets.ndim == 4 else offsets[:, :, None]
    boxes = clip_to_image(decode_rcnn(proposals[:, :, None], offsets, weights=BOX_WEIGHTS), size)
    chance = jax.nn.softmax(logits)[..., :-1] * valid[..., None]  # (B, P, K)
    rows, count, classes = chance.shape
    boxes = jnp.broadcast_to(boxes, (rows, count, classes, 4)).reshape(rows, count * classes, 4)
    label = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32)[None, None], chance.shape)
    return boxes, chance.reshape(rows, count * classes), label.reshape(rows, count * classes)
