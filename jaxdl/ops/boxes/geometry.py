"""Boxes in their forms, how much two of them share, and their cut at the picture's edges.

Boxes are `(..., 4)`: corners x1, y1, x2, y2 unless a name says otherwise. A box without area, or
turned inside out, has area 0 and shares nothing with any other.
"""

import jax.numpy as jnp

from jaxdl.typing import Array

Size = tuple[int, ...]  # (height, width)


def corners_to_center(boxes: Array) -> Array:
    """x1, y1, x2, y2 -> x, y of the center, width, height."""
    low, high = _split(boxes)
    return jnp.concatenate([(low + high) / 2, high - low], axis=-1)


def center_to_corners(boxes: Array) -> Array:
    """x, y of the center, width, height -> x1, y1, x2, y2."""
    center, size = _split(boxes)
    return jnp.concatenate([center - size / 2, center + size / 2], axis=-1)


def corners_to_corner_size(boxes: Array) -> Array:
    """x1, y1, x2, y2 -> x1, y1, width, height, the form of COCO-json."""
    low, high = _split(boxes)
    return jnp.concatenate([low, high - low], axis=-1)


def corner_size_to_corners(boxes: Array) -> Array:
    """x1, y1, width, height -> x1, y1, x2, y2."""
    low, size = _split(boxes)
    return jnp.concatenate([low, low + size], axis=-1)


def box_area(boxes: Array) -> Array:
    """Width times height, `(..., 4)` -> `(...)`."""
    x1, y1, x2, y2 = _numbers(boxes)
    return jnp.maximum(x2 - x1, 0) * jnp.maximum(y2 - y1, 0)


def clip_to_image(boxes: Array, size: Size) -> Array:
    """Boxes cut at the edges of a picture (H, W)."""
    limit = jnp.array([size[1], size[0]] * 2, boxes.dtype).reshape((1,) * (boxes.ndim - 1) + (4,))
    return jnp.minimum(jnp.maximum(boxes, 0), limit)


def usable_boxes(boxes: Array, *, least: float = 0.0) -> Array:
    """Which boxes are finite with both sides above `least`: `(..., 4)` -> `(...)` bool."""
    low, high = _split(boxes)
    finite = jnp.all(jnp.isfinite(boxes), axis=-1)
    return finite & jnp.all(high - low > least, axis=-1)


def paired_iou(a: Array, b: Array) -> Array:
    """Area of the intersection over that of the union, box by box: `(..., 4)` x 2 -> `(...)`."""
    return _ratio(*_shares(a, b))


def paired_giou(a: Array, b: Array) -> Array:
    """Generalized IoU (Rezatofighi et al. 2019, arXiv 1902.09630, alg. 1), box by box.

    IoU - (area of the box around both - union) / area of the box around both, in (-1, 1].
    """
    inter, union = _shares(a, b)
    width, height = _hull(a, b)
    hull = width * height
    return _ratio(inter, union) - _ratio(hull - union, hull)


def paired_diou(a: Array, b: Array) -> Array:
    """Distance IoU (Zheng et al. 2020, arXiv 1911.08287, eq. 7), box by box.

    IoU - (distance of the centers)^2 / (diagonal of the box around both)^2.
    """
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = _numbers(a), _numbers(b)
    distance = ((ax1 + ax2 - bx1 - bx2) / 2) ** 2 + ((ay1 + ay2 - by1 - by2) / 2) ** 2
    width, height = _hull(a, b)
    return paired_iou(a, b) - _ratio(distance, width**2 + height**2)


def iou(a: Array, b: Array) -> Array:
    """IoU of every pair: `(..., N, 4)`, `(..., M, 4)` -> `(..., N, M)`."""
    return paired_iou(*_all_pairs("iou", a, b))


def giou(a: Array, b: Array) -> Array:
    """Generalized IoU of every pair: `(..., N, 4)`, `(..., M, 4)` -> `(..., N, M)`."""
    return paired_giou(*_all_pairs("giou", a, b))


def diou(a: Array, b: Array) -> Array:
    """Distance IoU of every pair: `(..., N, 4)`, `(..., M, 4)` -> `(..., N, M)`."""
    return paired_diou(*_all_pairs("diou", a, b))


def _split(boxes: Array) -> tuple[Array, Array]:
    return boxes[..., :2], boxes[..., 2:]


def _numbers(boxes: Array) -> tuple[Array, ...]:
    """The four numbers, each `(...)`: sums over an axis of two keep a CPU from its vectors."""
    return tuple(boxes[..., i] for i in range(4))


def _all_pairs(who: str, a: Array, b: Array) -> tuple[Array, Array]:
    if a.shape[-1:] != (4,) or b.shape[-1:] != (4,) or a.ndim != b.ndim or a.ndim < 2:
        raise ValueError(
            f"{who}: boxes must be (..., N, 4) and (..., M, 4), got {a.shape} and {b.shape}"
        )
    return a[..., :, None, :], b[..., None, :, :]


def _shares(a: Array, b: Array) -> tuple[Array, Array]:
    """Areas of intersection and union."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = _numbers(a), _numbers(b)
    width = jnp.minimum(ax2, bx2) - jnp.maximum(ax1, bx1)
    height = jnp.minimum(ay2, by2) - jnp.maximum(ay1, by1)
    inter = jnp.maximum(width, 0) * jnp.maximum(height, 0)
    return inter, box_area(a) + box_area(b) - inter


def _hull(a: Array, b: Array) -> tuple[Array, Array]:
    """Width and height of the box around both."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = _numbers(a), _numbers(b)
    width = jnp.maximum(ax2, bx2) - jnp.minimum(ax1, bx1)
    height = jnp.maximum(ay2, by2) - jnp.minimum(ay1, by1)
    return jnp.maximum(width, 0), jnp.maximum(height, 0)


def _ratio(part: Array, whole: Array) -> Array:
    """part / whole, 0 with a finite gradient where there is no whole."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0)
