"""Which box answers for which object: by IoU, by the cell it lies in, or by the least cost.

Everything is written for one picture, N anchors and M truths of which `kept` `(M,)` are real; use
`jax.vmap` for a batch. Padding never matches.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from optax.assignment import hungarian_algorithm

from jaxdl.checks import check_rank
from jaxdl.ops.boxes.geometry import box_area, corners_to_center, iou, usable_boxes
from jaxdl.typing import Array

NONE = -1  # neither an object's nor background: it does not count


class Matches(NamedTuple):
    """Of each anchor `(N,)`: which truth, whether it is that truth's, whether it is background."""

    truth: Array  # int32; 0 where it is nobody's
    positive: Array  # bool
    negative: Array  # bool


def match_by_iou(
    anchors: Array,
    truths: Array,
    kept: Array,
    *,
    positive: float = 0.7,
    negative: float = 0.3,
    best: bool = True,
    own: bool = False,
) -> Matches:
    """Faster R-CNN's rule (Ren et al. 2015, arXiv 1506.01497, section 3.1.2).

    An anchor is positive where its IoU with some truth is at least `positive`, or, with `best`,
    where no anchor has a larger one with that truth (all of them in a tie); negative where it is
    below `negative` with all; else it does not count. `(N, 4)`, `(M, 4)`, `(M,)` bool.

    What is positive as the best of a truth is that truth's; with `own`, which is torchvision's
    form, it is the one's that it shares most with itself.
    """
    if not 0 <= negative <= positive <= 1:
        raise ValueError(
            f"match_by_iou: thresholds must rise, 0 <= negative <= positive <= 1, got {negative} "
            f"and {positive}"
        )
    overlap = _overlaps(anchors, truths, kept)
    most = jnp.max(overlap, axis=1, initial=0)
    truth = _first_max(overlap)
    hit = most >= positive
    if best:
        top = jnp.max(overlap, axis=0, keepdims=True, initial=0)
        tops = (overlap == top) & (overlap > 0)
        is_top = jnp.any(tops, axis=1)
        if not own:
            truth = jnp.where(is_top & (most < positive), _first_max(tops), truth)
        hit = hit | is_top
    return Matches(truth.astype(jnp.int32), hit, ~hit & (most < negative))


def match_each_truth(
    anchors: Array, truths: Array, kept: Array, *, positive: float = 0.5
) -> Matches:
    """SSD's rule (Liu et al. 2016, arXiv 1512.02325, section 2.2): no truth goes without an anchor.

    An anchor belongs to the truth that it shares most with, from an IoU of `positive` on; and the
    first anchor of those with the largest IoU with a truth belongs to that truth in any case, to
    the last of several. All others are negative. `(N, 4)`, `(M, 4)`, `(M,)` bool.
    """
    overlap = _overlaps(anchors, truths, kept)
    hit = jnp.max(overlap, axis=1, initial=0) >= positive
    good = kept & usable_boxes(truths)
    best = jnp.where(good, jnp.argmax(overlap, axis=0), len(anchors))  # padding falls off the end
    order = jnp.arange(len(truths), dtype=jnp.int32)
    forced = jnp.full(len(anchors), NONE, jnp.int32).at[best].max(order, mode="drop")
    truth = jnp.where(forced == NONE, _first_max(overlap), forced)
    hit = hit | (forced != NONE)
    return Matches(jnp.where(hit, truth, 0).astype(jnp.int32), hit, ~hit)


def match_by_range(
    anchors: Array,
    reach: Array,
    truths: Array,
    kept: Array,
    *,
    radius: float = 1.5,
) -> Matches:
    """FCOS's rule (Tian et al. 2019, arXiv 1904.01355, sections 3.1-3.2; 2006.09214, 3.2).

    A square anchor `(N, 4)` of side s is positive for a truth that its center is inside of, at most
    `radius` s in x and in y from the truth's center, and whose farthest side is between the two
    numbers of `reach` `(N, 2)` away in pixels; of several it belongs to the smallest. All others
    are negative. `(M, 4)`, `(M,)` bool.
    """
    kept = kept & usable_boxes(truths)
    center = corners_to_center(anchors)[:, None]  # (N, 1, 4)
    middle = corners_to_center(jnp.where(kept[:, None], truths, 0))[None]  # (1, M, 4)
    away = jnp.max(jnp.abs(center[..., :2] - middle[..., :2]), axis=-1)  # (N, M)
    sides = jnp.concatenate(
        [center[..., :2] - truths[None, :, :2], truths[None, :, 2:] - center[..., :2]], axis=-1
    )
    far = jnp.max(sides, axis=-1)
    fits = (jnp.min(sides, axis=-1) > 0) & (away < radius * center[..., 2])
    fits = fits & (far > reach[:, :1]) & (far < reach[:, 1:]) & kept[None]
    area = jnp.where(fits, box_area(truths)[None], jnp.inf)
    hit = jnp.any(fits, axis=1)
    truth = jnp.argmin(area, axis=1) if len(truths) else jnp.zeros(len(anchors), jnp.int32)
    return Matches(jnp.where(hit, truth, 0).astype(jnp.int32), hit, ~hit)


def match_by_cell(anchors: Array, truths: Array, kept: Array, *, negative: float = 0.2) -> Matches:
    """The notes' rule of one-stage detectors: a truth belongs to the cell that its center is in.

    There the anchor with the largest IoU is positive; of two truths of one anchor the later stays.
    An anchor is negative where its IoU is below `negative` with all. `anchors` `(A, H, W, 4)` in
    cells, `truths` `(M, 4)` in cells; the anchors of the result are `(A * H * W,)`.
    """
    check_rank("match_by_cell: anchors", anchors, 4)
    count, height, width, _ = anchors.shape
    overlap = _overlaps(anchors.reshape(-1, 4), truths, kept)
    kept = kept & usable_boxes(truths)
    center = jnp.where(kept[:, None], corners_to_center(truths)[:, :2], 0)
    last = jnp.array([[width - 1, height - 1]])
    x, y = jnp.clip(jnp.floor(center).astype(jnp.int32), 0, last).T
    place = y * width + x  # (M,) the cell
    of_cell = overlap.reshape(count, height * width, -1)[:, place, jnp.arange(len(truths))]
    anchor = jnp.argmax(of_cell, axis=0) * (height * width) + place
    anchor = jnp.where(kept, anchor, len(overlap))  # padding falls off the end
    order = jnp.arange(len(truths), dtype=jnp.int32)
    truth = jnp.full(len(overlap), NONE, jnp.int32).at[anchor].max(order, mode="drop")
    most = jnp.max(overlap, axis=1, initial=0)
    hit = truth >= 0
    return Matches(jnp.maximum(truth, 0), hit, ~hit & (most < negative))


def match_by_cost(cost: Array, kept: Array) -> Array:
    """The Hungarian assignment of truths to predictions (DETR: Carion et al. 2020, 2005.12872).

    `cost` `(..., N, M)`, `kept` `(..., M)` -> the prediction of each truth `(..., M)` int32, -1 for
    padding, and for those left over where there are more than N. Pairs whose cost is not finite are
    avoided; there is no gradient. optax solves it, exactly, as a part of the program.
    """
    predictions, truths = cost.shape[-2:]
    cost, real = jax.lax.stop_gradient(cost), kept[..., None, :]
    finite = jnp.isfinite(cost) & real
    most = 1 + jnp.max(jnp.abs(jnp.where(finite, cost, 0)), initial=0)
    worst = (2 * min(predictions, truths) + 1) * most  # more than all others can save
    cost = jnp.where(finite, cost, worst)
    if truths <= predictions:  # padding that costs the same with every prediction moves nobody
        cost = jnp.where(real, cost, 0)

    @partial(jnp.vectorize, signature="(n,m)->(m)")
    def assign(cost: Array) -> Array:
        prediction, truth = hungarian_algorithm(cost)
        return jnp.full(truths, NONE, jnp.int32).at[truth].set(prediction.astype(jnp.int32))

    return jnp.where(kept, assign(cost), NONE)


def _overlaps(anchors: Array, truths: Array, kept: Array) -> Array:
    """IoU `(N, M)`, 0 with padding and with what is no box."""
    good = kept & usable_boxes(truths)
    safe = jnp.where(good[:, None], truths, 0)
    return jnp.where(good[None], iou(anchors, safe), 0)


def _first_max(overlap: Array) -> Array:
    return jnp.argmax(overlap, axis=1) if overlap.shape[1] else jnp.zeros(len(overlap), jnp.int32)
