"""Actions in long recordings: proposals in time, then classes, as Faster R-CNN finds boxes."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.losses.classification import binary_cross_entropy, softmax_cross_entropy
from jaxdl.losses.detection import smooth_l1
from jaxdl.ops.boxes.nms import nms
from jaxdl.typing import Array
from jaxdl.video.localization.segments import (
    anchor_segments,
    as_boxes,
    decode_segments,
    encode_segments,
    match_segments,
    pool_segments,
)

STRIDE = 4  # steps of a cell
POSITIVE, NEGATIVE = 0.5, 0.3  # tIoU of anchors with an action, and with none


class Localized(NamedTuple):
    """Of N proposals and A anchors of each recording."""

    objectness: Array  # (B, A)
    anchor_offsets: Array  # (B, A, 2)
    proposals: Array  # (B, N, 2) in steps
    logits: Array  # (B, N, 1 + K), the first of no action
    offsets: Array  # (B, N, 2)


class TemporalRCNN(nn.Module):
    """Two stages in one dimension (R-C3D: Xu, Das & Saenko 2017; TAL-Net: Chao et al. 2018).

    `(B, T, D)` -> `Localized`. Convolutions halve time twice; at each cell anchors of `lengths`
    have a score and two offsets; the `proposals` best after NMS are pooled to `bins` places and
    classed.
    """

    num_classes: int
    lengths: tuple[int, ...] = (8, 14, 24)
    features: int = 48
    proposals: int = 12
    nms_iou: float = 0.7
    bins: int = 8
    hidden: int = 64

    @nn.compact
    def __call__(self, signal: Array, *, train: bool, added: Array | None = None) -> Localized:
        """`added` `(B, M, 2)`: segments that are classed beside the proposals, in training."""
        check_rank("TemporalRCNN: signal", signal, 3)
        x = signal
        for i, stride in enumerate((1, 2, 2)):
            x = nn.relu(nn.Conv(self.features, (5,), stride, name=f"conv{i + 1}")(x))
        x = nn.relu(nn.Conv(self.features, (3,), name="conv4")(x))
        shared = nn.relu(nn.Conv(self.features, (3,), name="rpn_conv")(x))
        count = len(self.lengths)
        objectness = nn.Conv(count, (1,), name="rpn_objectness")(shared).reshape(len(x), -1)
        moves = nn.Conv(2 * count, (1,), name="rpn_offsets")(shared).reshape(len(x), -1, 2)
        anchors = anchor_segments(x.shape[1], STRIDE, self.lengths)
        found = jax.lax.stop_gradient(decode_segments(anchors[None], moves))
        found = jnp.clip(found, 0, signal.shape[1])
        best = jax.vmap(partial(nms, threshold=self.nms_iou, count=self.proposals))(
            as_boxes(found), jax.lax.stop_gradient(objectness)
        )
        proposals = jnp.take_along_axis(found, best.index[..., None], axis=1)
        if added is not None:
            proposals = jnp.concatenate([proposals, added], axis=1)
        pool = partial(pool_segments, bins=self.bins, stride=STRIDE)
        inside = jax.vmap(pool)(x, proposals).reshape(*proposals.shape[:2], -1)
        inside = nn.relu(nn.Dense(self.hidden, name="head")(inside))
        logits = nn.Dense(1 + self.num_classes, name="head_classes")(inside)
        offsets = nn.Dense(2, name="head_offsets")(inside)
        return Localized(objectness, moves, proposals, logits, offsets)


def localization_losses(
    found: Localized, segments: Array, labels: Array, kept: Array, *, lengths: tuple[int, ...]
) -> dict[str, Array]:
    """Faster R-CNN's four losses (Ren et al. 2015, eq. 1), one value for each recording `(B,)`.

    Actions `(B, M, 2)`, `(B, M)`, `(B, M)` bool. Anchors between the two thresholds do not count;
    where anchors or proposals are scored, those with an action and those with none weigh the same.
    """
    count = found.objectness.shape[1] // len(lengths)
    anchors = anchor_segments(count, STRIDE, lengths)

    def one(found: Localized, segments: Array, labels: Array, kept: Array) -> dict[str, Array]:
        place, overlap = match_segments(anchors, segments, kept)
        positive, negative = overlap >= POSITIVE, overlap < NEGATIVE
        score = binary_cross_entropy(found.objectness, positive.astype(jnp.float32))
        moved = smooth_l1(found.anchor_offsets, encode_segments(anchors, segments[place]))
        own, share = match_segments(found.proposals, segments, kept)
        right = share >= POSITIVE
        label = jnp.where(right, 1 + labels[own], 0)
        classed = softmax_cross_entropy(found.logits, label)
        better = smooth_l1(found.offsets, encode_segments(found.proposals, segments[own]))
        return {
            "rpn_score": half_each(score, positive, negative),
            "rpn_offset": mean_of(moved, positive),
            "class": half_each(classed, right, ~right),
            "offset": mean_of(better, right),
        }

    return jax.vmap(one)(found, segments, labels, kept)


def mean_of(values: Array, mask: Array) -> Array:
    """The mean where `mask` is; 0 where it is nowhere."""
    return jnp.sum(jnp.where(mask, values, 0)) / jnp.maximum(jnp.sum(mask), 1)


def half_each(values: Array, positive: Array, negative: Array) -> Array:
    """The mean of the means over both kinds."""
    return (mean_of(values, positive) + mean_of(values, negative)) / 2


class Detected(NamedTuple):
    """Candidates of each recording, `kept` is those that no surer one hides."""

    segments: Array  # (B, C, 2)
    scores: Array  # (B, C)
    labels: Array  # (B, C)
    kept: Array  # (B, C)


def detect_actions(found: Localized, *, length: int, nms_iou: float, count: int) -> Detected:
    """Every proposal as each class, the surest `count` that NMS keeps within each class."""
    batch, number, classes = found.logits.shape
    segments = jnp.clip(decode_segments(found.proposals, found.offsets), 0, length)
    segments = jnp.repeat(segments, classes - 1, axis=1)
    scores = jax.nn.softmax(found.logits)[..., 1:].reshape(batch, -1)
    labels = jnp.tile(jnp.arange(classes - 1), number)

    def one(segments: Array, scores: Array) -> Detected:
        best = nms(as_boxes(segments), scores, threshold=nms_iou, count=count, labels=labels)
        return Detected(segments[best.index], best.score, labels[best.index], best.valid)

    return jax.vmap(one)(segments, scores)
