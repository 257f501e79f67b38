"""Boxes as offsets from anchors and back: the forms of R-CNN, YOLO and FCOS.

Sizes are logarithms in the first two, and are bounded before `exp`, so that no offset gives
infinity.
"""

import math

import jax.numpy as jnp

from jaxdl.ops.boxes.geometry import center_to_corners, corners_to_center
from jaxdl.typing import Array

LARGEST = math.log(1000 / 16)  # of a log size: torchvision's and Detectron's bound
SMALLEST = 1e-3  # a side that a logarithm is taken of


def encode_rcnn(
    anchors: Array, boxes: Array, *, weights: tuple[float, ...] = (1, 1, 1, 1)
) -> Array:
    """R-CNN's transform (Girshick et al. 2014, arXiv 1311.2524, eq. 6-9): `(..., 4)` x 2 -> same.

    tx = wx (x - xa) / wa, ty likewise, tw = ww log(w / wa), th likewise.
    """
    a, b = corners_to_center(anchors), corners_to_center(boxes)
    size_a, size_b = _sides(a), _sides(b)
    offsets = [(b[..., :2] - a[..., :2]) / size_a, jnp.log(size_b / size_a)]
    return jnp.concatenate(offsets, axis=-1) * _row(weights, a)


def decode_rcnn(
    anchors: Array, offsets: Array, *, weights: tuple[float, ...] = (1, 1, 1, 1)
) -> Array:
    """The boxes of `encode_rcnn`'s offsets: `(..., 4)` x 2 -> `(..., 4)` corners."""
    a, t = corners_to_center(anchors), offsets / _row(weights, offsets)
    size = _sides(a)
    center = a[..., :2] + t[..., :2] * size
    return center_to_corners(jnp.concatenate([center, size * _exp(t[..., 2:])], axis=-1))


def encode_yolo(anchors: Array, boxes: Array) -> Array:
    """The notes' form of YOLO: tx = x - xa, within half a cell; tw = log(w / wa).

    Anchors and boxes are in cells, `(..., 4)` corners -> `(..., 4)`.
    """
    a, b = corners_to_center(anchors), corners_to_center(boxes)
    shift = jnp.clip(b[..., :2] - a[..., :2], -0.5, 0.5)
    return jnp.concatenate([shift, jnp.log(_sides(b) / _sides(a))], axis=-1)


def decode_yolo(anchors: Array, offsets: Array) -> Array:
    """x = xa + tx, w = wa exp(tw): the boxes of `encode_yolo`'s offsets, in cells."""
    a = corners_to_center(anchors)
    center = a[..., :2] + offsets[..., :2]
    size = _sides(a) * _exp(offsets[..., 2:])
    return center_to_corners(jnp.concatenate([center, size], axis=-1))


def encode_sides(anchors: Array, boxes: Array) -> Array:
    """FCOS's form (Tian et al. 2019, arXiv 1904.01355, eq. 1): how far the sides of a box are.

    Left, top, right and bottom of the box from the anchor's center, in widths and heights of the
    anchor; negative beyond the center. `(..., 4)` corners x 2 -> `(..., 4)`.
    """
    center, size = _doubled(anchors)
    low, high = boxes[..., :2] - center, boxes[..., 2:] - center
    return jnp.concatenate([-low, high], axis=-1) / jnp.maximum(size, SMALLEST)


def decode_sides(anchors: Array, offsets: Array) -> Array:
    """The boxes of `encode_sides`'s offsets: `(..., 4)` x 2 -> `(..., 4)` corners."""
    center, size = _doubled(anchors)
    away = offsets * size
    return jnp.concatenate([center - away[..., :2], center + away[..., 2:]], axis=-1)


def _doubled(anchors: Array) -> tuple[Array, Array]:
    """Centers `(..., 2)`, and widths and heights twice over `(..., 4)`."""
    form = corners_to_center(anchors)
    return form[..., :2], jnp.concatenate([form[..., 2:], form[..., 2:]], axis=-1)


def _sides(boxes: Array) -> Array:
    return jnp.maximum(boxes[..., 2:], SMALLEST)


def _exp(log_size: Array) -> Array:
    return jnp.exp(jnp.minimum(log_size, LARGEST))


def _row(weights: tuple[float, ...], like: Array) -> Array:
    return jnp.asarray(weights, like.dtype).reshape((1,) * (like.ndim - 1) + (4,))
