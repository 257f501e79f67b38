"""Which box answers for which object: by IoU, by the cell it lies in, or by the least cost.

Everything is written for one picture, N anchors and M truths of which `kept` `(M,)` are real; use
`jax.vmap` for a batch. Padding never matches.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_rank
from jaxdl.ops.boxes.geometry import corners_to_center, iou, usable_boxes
from jaxdl.typing import Array, Host

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
) -> Matches:
    """Faster R-CNN's rule (Ren et al. 2015, arXiv 1506.01497, section 3.1.2).

    An anchor is positive where its IoU with some truth is at least `positive`, or, with `best`,
    where no anchor has a larger one with that truth (all of them in a tie); negative where it is
    below `negative` with all; else it does not count. `(N, 4)`, `(M, 4)`, `(M,)` bool.
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
        own = (overlap == top) & (overlap > 0)
        hit, truth = (
            hit | jnp.any(own, axis=1),
            jnp.where(jnp.any(own, axis=1) & (most < positive), jnp.argmax(own, axis=1), truth),
        )
    return Matches(truth.astype(jnp.int32), hit, ~hit & (most < negative))


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


def assign_host(cost: Host) -> tuple[Host, Host]:
    """Rows and columns `(min(N, M),)` of the assignment with the least sum of `cost` `(N, M)`."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.nan_to_num(cost, nan=1e9, posinf=1e9, neginf=-1e9))
    return rows, columns


def match_by_cost(cost: Array, kept: Array) -> Array:
    """The Hungarian assignment of truths to predictions (DETR: Carion et al. 2020, 2005.12872).

    `cost` `(..., N, M)`, `kept` `(..., M)` -> the prediction of each truth `(..., M)` int32, -1 for
    padding. SciPy solves it on the host, inside a jitted program too; it has no gradient.
    """
    if cost.shape[-1] > cost.shape[-2]:
        raise ValueError(
            f"match_by_cost: there must be a prediction for each of {cost.shape[-1]} truths, got "
            f"{cost.shape[-2]}"
        )
    cost = jax.lax.stop_gradient(cost)
    shape = jax.ShapeDtypeStruct(kept.shape, jnp.int32)
    return jax.pure_callback(_assign_all, shape, cost, kept, vmap_method="expand_dims")


def _assign_all(cost: Host, kept: Host) -> Host:
    cost, kept = np.asarray(cost, np.float64), np.asarray(kept)
    lead = np.broadcast_shapes(cost.shape[:-2], kept.shape[:-1])
    cost = np.broadcast_to(cost, (*lead, *cost.shape[-2:]))
    kept = np.broadcast_to(kept, (*lead, kept.shape[-1]))
    found = np.full(kept.shape, NONE, np.int32)
    for place in np.ndindex(*lead):
        real = np.flatnonzero(kept[place])
        rows, columns = assign_host(cost[place][:, real])
        found[place][real[columns]] = rows
    return found


def _overlaps(anchors: Array, truths: Array, kept: Array) -> Array:
    """IoU `(N, M)`, 0 with padding and with what is no box."""
    good = kept & usable_boxes(truths)
    safe = jnp.where(good[:, None], truths, 0)
    return jnp.where(good[None], iou(anchors, safe), 0)


def _first_max(overlap: Array) -> Array:
    return jnp.argmax(overlap, axis=1) if overlap.shape[1] else jnp.zeros(len(overlap), jnp.int32)
