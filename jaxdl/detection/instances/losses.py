"""What region CNNs are trained on, a value per picture, and the boxes that they give."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.detection.box_coder import decode_rcnn, encode_rcnn
from jaxdl.detection.instances.masks import cut_masks, of_class
from jaxdl.detection.instances.points import cells_of_points
from jaxdl.detection.instances.proposals import clip_to
from jaxdl.detection.instances.region_cnn import RegionOutput
from jaxdl.detection.instances.samples import BOX_WEIGHTS, Samples
from jaxdl.detection.matching import Matches, match_by_iou
from jaxdl.detection.two_stage.sampler import boxes_of, mean_where, sample_matches, sum_over
from jaxdl.losses.classification import binary_cross_entropy, softmax_cross_entropy
from jaxdl.losses.detection import smooth_l1
from jaxdl.ops.boxes.geometry import usable_boxes
from jaxdl.typing import Array, Batch

LEAST_SIDE = 1e-2  # pixels of a detection, torchvision's
BETA = 1 / 9  # where smooth L1 turns from a square into a line


def region_cnn_losses(
    out: RegionOutput,
    batch: Batch,
    *,
    anchor_samples: int = 256,
    anchor_positive_iou: float = 0.7,
    anchor_negative_iou: float = 0.3,
) -> dict[str, Array]:
    """`objectness`, `proposal`, `class`, `box` and, of their heads, `mask` and `point`: `(B,)`.

    torchvision's, but that each is a mean over what is drawn of one picture, not of all of a batch:
    binary cross-entropy of the anchors' scores, cross-entropy of the regions' classes, smooth L1
    of offsets over the number drawn; binary cross-entropy of the pixels of positive regions' masks,
    of their class alone; cross-entropy over the cells of the map of each visible point.
    """
    assert out.samples is not None, "the output of training"
    parts = anchor_losses(
        out, batch, anchor_samples, positive=anchor_positive_iou, negative=anchor_negative_iou
    )
    seen = out.samples
    refined = jnp.take_along_axis(out.refined, seen.labels[..., None, None], axis=2)[:, :, 0]
    drawn = jnp.maximum(jnp.sum(seen.valid, axis=1), 1)
    parts |= {
        "class": mean_where(softmax_cross_entropy(out.classes, seen.labels), seen.valid),
        "box": sum_over(smooth_l1(refined, seen.offsets, beta=BETA), seen.positive, drawn),
    }
    if out.masks is not None:
        parts["mask"] = mask_loss(out.masks, seen, batch)
    if out.points is not None:
        parts["point"] = point_loss(out.points, seen, batch)
    return parts


def anchor_losses(
    out: RegionOutput, batch: Batch, samples: int, *, positive: float, negative: float
) -> dict[str, Array]:
    """Of the first stage: `samples` of the anchors, half of them objects at most."""
    rule = partial(match_by_iou, out.anchors, positive=positive, negative=negative, own=True)
    match = Matches(*jax.vmap(rule)(batch["boxes"], batch["kept"]))
    some, others = sample_matches(batch["draw"], match, samples, 0.5)
    target = jax.vmap(partial(encode_rcnn, out.anchors))(boxes_of(match, some, batch))
    drawn = jnp.maximum(jnp.sum(some | others, axis=1), 1)
    return {
        "objectness": mean_where(binary_cross_entropy(out.scores, some), some | others),
        "proposal": sum_over(smooth_l1(out.offsets, target, beta=BETA), some, drawn),
    }


def mask_loss(logits: Array, seen: Samples, batch: Batch) -> Array:
    """`logits` `(B, Q, M, M, K + 1)` of the first Q samples, against the cut masks: `(B,)`."""
    first = Samples(*(value[:, : logits.shape[1]] for value in seen))
    target = cut_masks(batch["masks"], first.truth, first.regions, logits.shape[2])
    loss = binary_cross_entropy(of_class(logits, first.labels), target)
    return mean_where(jnp.mean(loss, axis=(2, 3)), first.positive)


def point_loss(logits: Array, seen: Samples, batch: Batch) -> Array:
    """`logits` `(B, Q, M, M, P)` of the first Q samples, against the cells of points: `(B,)`."""
    first = Samples(*(value[:, : logits.shape[1]] for value in seen))
    rows, count, size, _, parts = logits.shape
    points = jnp.take_along_axis(batch["points"], first.truth[..., None, None], axis=1)
    visible = jnp.take_along_axis(batch["visible"], first.truth[..., None], axis=1)
    visible = visible & first.positive[..., None]
    cell, good = cells_of_points(points, visible, first.regions, size)
    flat = jnp.moveaxis(logits.reshape(rows, count, size * size, parts), 3, 2)
    loss = softmax_cross_entropy(flat, cell)
    return mean_where(loss.reshape(rows, -1), good.reshape(rows, -1))


def region_cnn_candidates(out: RegionOutput, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Each region refined for each class: boxes `(B, R K, 4)`, scores and labels `(B, R K)`.

    Cut at the edges of each picture, which may be less than `size`.
    """
    boxes = decode_rcnn(out.regions[:, :, None], out.refined, weights=BOX_WEIGHTS)[:, :, 1:]
    chance = jax.nn.softmax(out.classes)[..., 1:] * out.valid[..., None]  # (B, R, K)
    rows, count, classes = chance.shape
    boxes = jax.vmap(clip_to)(boxes.reshape(rows, -1, 4), out.sizes)
    label = jnp.broadcast_to(jnp.arange(classes, dtype=jnp.int32)[None, None], chance.shape)
    chance = chance.reshape(rows, count * classes) * usable_boxes(boxes, least=LEAST_SIDE)
    return boxes, chance, label.reshape(rows, count * classes)
