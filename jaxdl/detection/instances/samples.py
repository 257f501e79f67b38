"""Regions that a region CNN's heads learn from: so many a picture, objects first."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.detection.box_coder import encode_rcnn
from jaxdl.detection.matching import Matches, match_by_iou
from jaxdl.detection.two_stage.sampler import boxes_of, sample_matches
from jaxdl.typing import Array, Batch

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the second stage's offsets, as published


class Samples(NamedTuple):
    """R regions of each picture; those that are objects come first, padding last."""

    regions: Array  # (B, R, 4) pixels
    valid: Array  # (B, R) bool: drawn
    positive: Array  # (B, R) bool: an object
    truth: Array  # (B, R) int32: which object
    labels: Array  # (B, R) int32: 0 the background, then the classes
    offsets: Array  # (B, R, 4) of the regions, which give the true boxes


def sample_regions(
    regions: Array, valid: Array, truth: Batch, *, count: int, share: float, positive_iou: float
) -> Samples:
    """`count` of the regions `(B, N, 4)` that are `valid` `(B, N)`, at most `share` are objects.

    A region is the truth's that it overlaps most, by at least `positive_iou`, else background; they
    are drawn by the batch's own keys `draw`.
    """
    rule = partial(match_by_iou, positive=positive_iou, negative=positive_iou, best=False)
    match = Matches(*jax.vmap(rule)(regions, truth["boxes"], truth["kept"]))
    match = Matches(match.truth, match.positive & valid, match.negative & valid)
    some, others = sample_matches(truth["draw"] + jnp.uint32(1), match, count, share)
    order = jnp.argsort(jnp.where(some, 0, jnp.where(others, 1, 2)), axis=1)[:, :count]

    def pick(values: Array) -> Array:
        extra = (1,) * (values.ndim - 2)
        return jnp.take_along_axis(values, order.reshape(*order.shape, *extra), axis=1)

    offsets = encode_rcnn(regions, boxes_of(match, some, truth), weights=BOX_WEIGHTS)
    labels = jnp.take_along_axis(truth["labels"], match.truth, axis=1) + 1
    return Samples(
        jax.lax.stop_gradient(pick(regions)),
        pick(some | others),
        pick(some),
        pick(match.truth),
        pick(jnp.where(some, labels, 0)),
        pick(offsets),
    )
