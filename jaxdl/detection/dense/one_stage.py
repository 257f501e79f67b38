"""The notes' one-stage detector: a confidence and offsets for each anchor, a class for each cell.

In the manner of YOLO v2 (Redmon & Farhadi 2017, arXiv 1612.08242).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.box_coder import decode_yolo, encode_yolo
from jaxdl.detection.matching import Matches, match_by_cell
from jaxdl.layers.conv import Conv
from jaxdl.losses.classification import binary_cross_entropy, softmax_cross_entropy
from jaxdl.losses.detection import confidence_mse
from jaxdl.typing import Array, Batch

CONFIDENCES = {"square": confidence_mse, "cross_entropy": binary_cross_entropy}


class CellPredictions(NamedTuple):
    """For A anchors in each of H x W cells."""

    confidence: Array  # (B, A, H, W) logits
    offsets: Array  # (B, A, H, W, 4): tx, ty in [-.5, .5], tw, th
    classes: Array  # (B, H, W, K) logits


class OneStage(nn.Module):
    """Backbone - 1x1 conv - dropout - leaky ReLU - 1x1 conv to 5 A + K: `(B, H, W, C)` -> cells.

    The features are the stage `stage` of `backbone`; its own call gives named stages.
    """

    backbone: nn.Module
    num_classes: int
    num_anchors: int
    stage: str = "last"
    features: int = 128
    dropout: float = 0.3
    slope: float = 0.01  # of the leaky ReLU

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> CellPredictions:
        features = backbone_features(self.backbone, self.stage, x, train)
        y = Conv(self.features, 1, name="hidden")(features)
        y = nn.Dropout(self.dropout, deterministic=not train, name="drop")(y)
        y = jax.nn.leaky_relu(y, self.slope)
        anchors = self.num_anchors
        # Small weights: at first every box is its anchor, and no confidence is sure.
        start = nn.initializers.normal(0.01)
        y = Conv(5 * anchors + self.num_classes, 1, kernel_init=start, name="out")(y)
        boxes = y[..., : 5 * anchors].reshape(*y.shape[:3], anchors, 5)
        boxes = jnp.moveaxis(boxes, 3, 1)  # (B, A, H, W, 5)
        shift = jax.nn.sigmoid(boxes[..., 1:3]) - 0.5
        offsets = jnp.concatenate([shift, boxes[..., 3:]], axis=-1)
        return CellPredictions(boxes[..., 0], offsets, y[..., 5 * anchors :])


def backbone_stages(backbone: Any, names: Sequence[str], x: Array, train: bool) -> list[Array]:
    """Named stages of a backbone. Raises UsageError, with the names, where there is no such."""
    stages = backbone(x, train=train, stages=True)
    for name in names:
        if name not in stages or stages[name].ndim != 4:
            maps = [name for name, value in stages.items() if value.ndim == 4]
            raise UsageError(f"stage must be one of {', '.join(maps)}, got {name!r}")
    return [stages[name] for name in names]


def backbone_features(backbone: Any, stage: str, x: Array, train: bool) -> Array:
    """One of them."""
    return backbone_stages(backbone, (stage,), x, train)[0]


def one_stage_losses(
    out: CellPredictions,
    batch: Batch,
    *,
    shapes: tuple[float, ...],
    negative_iou: float = 0.2,
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    background_weight: float = 0.5,
    confidence_loss: str = "square",
) -> dict[str, Array]:
    """`confidence`, `box` and `class`, each `(B,)`, a sum over the picture, times its weight.

    A truth's anchor (`match_by_cell`) has confidence 1; anchors whose IoU is below `negative_iou`
    have 0, and `background_weight` of the weight; the others do not count. Offsets: squared
    differences of positive anchors. Classes: cross-entropy of the cells of positive anchors.
    """
    loss_of = CONFIDENCES[confidence_loss]
    grid = out.classes.shape[1:3]
    anchors = make_anchors(grid, shapes)
    truths = in_cells(batch["boxes"], batch["image"].shape[1:3], grid)
    match = jax.vmap(lambda t, k: match_by_cell(anchors, t, k, negative=negative_iou))
    found = Matches(*match(truths, batch["kept"]))  # (B, A H W)
    rows = len(truths)
    logits = out.confidence.reshape(rows, -1)
    sure = loss_of(logits, found.positive.astype(logits.dtype))
    sure = jnp.where(found.positive, sure, background_weight * jnp.where(found.negative, sure, 0))
    own = jnp.take_along_axis(truths, found.truth[..., None], axis=1)  # (B, A H W, 4)
    own = jnp.where(found.positive[..., None], own, 0)
    target = jax.vmap(partial(encode_yolo, anchors.reshape(-1, 4)))(own)
    offsets = out.offsets.reshape(rows, -1, 4)
    apart = jnp.sum(jnp.where(found.positive[..., None], offsets - target, 0) ** 2, axis=-1)
    label = jnp.take_along_axis(batch["labels"], found.truth, axis=1)
    count = len(anchors)
    logits = jnp.broadcast_to(out.classes[:, None], (rows, count, *out.classes.shape[1:]))
    kind = softmax_cross_entropy(logits.reshape(rows, -1, logits.shape[-1]), label)
    kind = jnp.where(found.positive, kind, 0)
    parts = {"confidence": sure, "box": apart, "class": kind}
    return {
        name: weight * jnp.sum(value, axis=1)
        for (name, value), weight in zip(parts.items(), loss_weights, strict=True)
    }


def one_stage_candidates(
    out: CellPredictions, size: tuple[int, int], *, shapes: tuple[float, ...]
) -> tuple[Array, Array, Array]:
    """All anchors' boxes in pixels, confidence times the likeliest class's probability, the class.

    `(B, N, 4)`, `(B, N)`, `(B, N)` with N = A H W.
    """
    grid = out.classes.shape[1:3]
    anchors, rows = make_anchors(grid, shapes), len(out.classes)
    boxes = jax.vmap(partial(decode_yolo, anchors))(out.offsets).reshape(rows, -1, 4)
    boxes = boxes * cell_size(size, grid)
    chance = jax.nn.softmax(out.classes)
    score = jax.nn.sigmoid(out.confidence) * jnp.max(chance, axis=-1)[:, None]
    label = jnp.argmax(chance, axis=-1).astype(jnp.int32)
    label = jnp.broadcast_to(label[:, None], out.confidence.shape)
    return boxes, score.reshape(rows, -1), label.reshape(rows, -1)


def cell_size(size: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Width and height of a cell in pixels, twice: `(1, 1, 4)`."""
    height, width = (full / cells for full, cells in zip(size, grid, strict=True))
    return jnp.array([width, height, width, height], jnp.float32).reshape(1, 1, 4)


def in_cells(boxes: Array, size: tuple[int, ...], grid: tuple[int, ...]) -> Array:
    """Boxes `(B, N, 4)` in pixels as boxes in cells of a grid."""
    return boxes / cell_size(size, grid)
