"""Regions that may hold an object: the first stage of a region CNN, in torchvision's form.

Ren et al. 2015, arXiv 1506.01497, on a feature pyramid (Lin et al. 2017, arXiv 1612.03144, section
4.1): one score per anchor, and the best of each level.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.box_coder import decode_rcnn
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.ops.boxes.geometry import usable_boxes
from jaxdl.ops.boxes.nms import class_wise_nms, select_top
from jaxdl.typing import Array

LEAST_SIDE = 1e-3  # pixels of a proposal


class ProposalHead(nn.Module):
    """3x3 convolutions with ReLU, then a score and four offsets for each of A anchors of a cell.

    `(B, H, W, C)` -> logits `(B, H W A)`, offsets `(B, H W A, 4)`. All levels share it.
    """

    num_anchors: int
    convs: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        for i in range(1, self.convs + 1):
            x = ConvNorm(x.shape[-1], norm=None, name=f"conv{i}")(x, train=train)
        small = nn.initializers.normal(0.01)
        scores = Conv(self.num_anchors, 1, kernel_init=small, name="score")(x)
        offsets = Conv(4 * self.num_anchors, 1, kernel_init=small, name="box")(x)
        return scores.reshape(len(x), -1), offsets.reshape(len(x), -1, 4)


def propose(
    anchors: Array,
    logits: Array,
    offsets: Array,
    sizes: Array,
    counts: Sequence[int],
    *,
    pre_nms_top_k: int,
    post_nms_top_k: int,
    nms_iou: float,
    score_threshold: float,
) -> tuple[Array, Array]:
    """The best proposals: `(B, R, 4)`, and which are real `(B, R)` bool, R = `post_nms_top_k`.

    The best `pre_nms_top_k` of each level, cut at the picture's edges; NMS within each level; the
    best of all that are left. No gradient goes through.

    Args: `anchors` `(N, 4)`, `logits` `(B, N)`, `offsets` `(B, N, 4)`, level after level, which
    have `counts` of the N; `sizes` `(B, 2)`, height and width of each picture.
    """

    def one(logits: Array, offsets: Array, size: Array) -> tuple[Array, Array]:
        chosen, level, start = [], [], 0
        for number, count in enumerate(counts):
            best = jax.lax.top_k(logits[start : start + count], min(count, pre_nms_top_k))[1]
            chosen.append(start + best)
            level.append(jnp.full(best.shape, number, jnp.int32))
            start += count
        index, levels = jnp.concatenate(chosen), jnp.concatenate(level)
        boxes = clip_to(decode_rcnn(anchors[index], offsets[index]), size)
        scores = jax.nn.sigmoid(logits[index])
        good = usable_boxes(boxes, least=LEAST_SIDE) & (scores >= score_threshold)
        kept = class_wise_nms(
            boxes, scores, levels, good, threshold=nms_iou, count=min(post_nms_top_k, len(index))
        )
        # Fewer candidates than places: the rest is padding.
        top = select_top(kept.score, kept.valid, post_nms_top_k)
        boxes = boxes[kept.index[top.index]]
        return jnp.where(top.valid[:, None], boxes, 0), top.valid

    return jax.vmap(one)(*jax.lax.stop_gradient((logits, offsets)), sizes)


def clip_to(boxes: Array, size: Array) -> Array:
    """Boxes `(..., 4)` cut at the edges of a picture whose (height, width) is data."""
    limit = jnp.stack([size[1], size[0], size[1], size[0]]).astype(boxes.dtype)
    return jnp.clip(boxes, 0, limit.reshape((1,) * (boxes.ndim - 1) + (4,)))
