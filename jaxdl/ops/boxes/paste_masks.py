"""Masks of boxes back in their picture, as torchvision's `paste_masks_in_image` puts them there."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.typing import Array

PADDING = 1  # cells of zero around a mask
SURE = 0.5  # the chance from which a pixel is the object's


def paste_masks(masks: Array, boxes: Array, size: tuple[int, int]) -> Array:
    """Masks `(K, M, M)` of boxes `(K, 4)` in a picture of `size`: `(K, *size)`.

    A mask gets a rim of zeros, its box grows by as much and is cut to whole pixels; then it is
    resized (bilinear, `align_corners=False`) to those pixels, its last ones counted in. NumPy
    arrays give NumPy arrays; those of JAX may be traced.
    """
    xp: Any = np if isinstance(masks, np.ndarray) else jnp
    masks = xp.pad(masks, [(0, 0), (PADDING, PADDING), (PADDING, PADDING)])
    cells = masks.shape[-1]
    corners = grow_boxes(boxes, cells / (cells - 2 * PADDING), xp)
    (y0, y1, wy, in_y), (x0, x1, wx, in_x) = (
        taps(corners[:, axis], corners[:, axis + 2], cells, size[1 - axis], xp) for axis in (1, 0)
    )
    # Columns first: there are few rows yet, and then rows are moved as a whole.
    wide = lerp(
        xp.take_along_axis(masks, x0[:, None, :], axis=2),
        xp.take_along_axis(masks, x1[:, None, :], axis=2),
        wx[:, None, :],
    )
    whole = lerp(
        xp.take_along_axis(wide, y0[:, :, None], axis=1),
        xp.take_along_axis(wide, y1[:, :, None], axis=1),
        wy[:, :, None],
    )
    return xp.where(in_y[:, :, None] & in_x[:, None, :], whole, 0)


def grow_boxes(boxes: Any, scale: float, xp: Any) -> Any:
    """Boxes `(K, 4)` `scale` times as large about their centers, cut to whole numbers."""
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * scale
    center = (boxes[:, 2:] + boxes[:, :2]) * 0.5
    return xp.concatenate([center - half, center + half], axis=1).astype(np.int32)


def taps(low: Any, high: Any, cells: int, length: int, xp: Any) -> tuple[Any, ...]:
    """What `length` pixels of an axis see of the cells between `low` and `high` `(K,)`, both in.

    The two cells, the weight of the second, and whether the pixel is among them: `(K, length)`.
    """
    pixels = xp.arange(length)[None]
    low, high = low[:, None], high[:, None]
    count = xp.maximum(high - low + 1, 1).astype(np.float32)
    place = (np.float32(cells) / count) * ((pixels - low).astype(np.float32) + 0.5) - 0.5
    place = xp.clip(place, 0, cells - 1)
    first = place.astype(np.int32)
    inside = (pixels >= low) & (pixels <= high)
    weight = place - first.astype(np.float32)
    return first, xp.minimum(first + 1, cells - 1), weight, inside


def lerp(a: Any, b: Any, weight: Any) -> Any:
    """`a` where `weight` is 0, `b` where it is 1."""
    return a * (1 - weight) + b * weight
