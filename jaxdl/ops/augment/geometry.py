"""Moves that take boxes, masks and keypoints along: drawn once, applied to each kind.

    matrix = draw_rotation(keys, size, degrees=15)
    images = sample_affine(images, matrix, size)
    boxes, kept = warp_boxes(matrix, boxes, kept, size)

A move is a matrix `(B, 2, 3)`, rows [A | b], from the new picture to the old one: the new pixel p
shows the old point A p + b, with x and y in pixels and the corner of the picture at (0, 0).
"""

import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_positive, check_rank
from jaxdl.ops.augment.crop_flip import draw_crop_flip, row_uniform
from jaxdl.ops.resize import resize_windows, sample_affine
from jaxdl.typing import Array, Key

Size = tuple[int, int]  # (height, width)


def sample_crop_flip_matrix(
    keys: Key, size: Size, *, padding: int = 4, flip_probability: float = 0.5
) -> Array:
    """The move that `augment.random_crop_flip` makes with the same keys: `(B, 2, 3)`."""
    flip, dy, dx = draw_crop_flip(keys, padding, flip_probability)
    left = jnp.where(flip, size[1] - dx, dx)
    sign = 1 - 2 * flip.astype(jnp.float32)
    return axis_move(sign, left, jnp.ones_like(sign), dy)


def draw_rotation(keys: Key, size: Size, *, degrees: float) -> Array:
    """A turn about the center by an angle uniform in +-degrees, counter-clockwise: `(B, 2, 3)`."""
    check_positive("draw_rotation: degrees", degrees)
    turn = (2 * row_uniform(keys, 1)[:, 0] - 1) * jnp.deg2rad(jnp.float32(degrees))
    c, s = jnp.cos(turn), jnp.sin(turn)
    x, y = size[1] / 2, size[0] / 2
    top = jnp.stack([c, -s, x - c * x + s * y], axis=-1)
    bottom = jnp.stack([s, c, y - s * x - c * y], axis=-1)
    return jnp.stack([top, bottom], axis=1)


def draw_affine(keys: Key, size: Size, *, strength: float, shift: float) -> Array:
    """A small affine move about the center: each entry of the 2x2 part is that of the identity
    +-`strength`, uniform (turn, shear and size at once), the offset +-`shift` pixels: `(B, 2, 3)`.
    """
    check_fraction("draw_affine: strength", strength)
    u = 2 * row_uniform(keys, 6).reshape(-1, 2, 3) - 1
    linear = jnp.eye(2, dtype=jnp.float32)[None] + strength * u[:, :, :2]
    center = jnp.array([size[1] / 2, size[0] / 2], jnp.float32)
    offset = center[None] - jnp.matmul(linear, center, precision="highest") + shift * u[:, :, 2]
    return jnp.concatenate([linear, offset[:, :, None]], axis=2)


def draw_resized_crop(
    keys: Key,
    size: Size,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip_probability: float = 0.0,
) -> Array:
    """Windows `(B, 4)` in whole pixels: a part `scale` of the area, of a width/height in `ratio`.

    The crop of Inception (Szegedy et al. 2015, section 6) by torchvision's rule: area uniform, log
    ratio uniform, ten tries to fit in, else the largest centered window of an allowed ratio.
    A mirrored window has x1 > x2.
    """
    check_fraction("draw_resized_crop: flip_probability", flip_probability)
    height, width = size
    u = row_uniform(keys, 23)
    area = height * width * (scale[0] + (scale[1] - scale[0]) * u[:, :10])
    low, span = jnp.log(jnp.float32(ratio[0])), jnp.log(jnp.float32(ratio[1] / ratio[0]))
    aspect = jnp.exp(low + span * u[:, 10:20])
    w, h = jnp.round(jnp.sqrt(area * aspect)), jnp.round(jnp.sqrt(area / aspect))
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)  # (B, 10)
    first = jnp.argmax(fits, axis=1)[:, None]
    w, h = (jnp.take_along_axis(v, first, axis=1)[:, 0] for v in (w, h))
    x, y = (jnp.floor(u[:, 20] * (width - w + 1)), jnp.floor(u[:, 21] * (height - h + 1)))
    found = jnp.any(fits, axis=1)
    w0, h0 = largest_of_ratio(size, ratio)
    x1 = jnp.where(found, x, (width - w0) // 2)
    y1 = jnp.where(found, y, (height - h0) // 2)
    x2, y2 = x1 + jnp.where(found, w, w0), y1 + jnp.where(found, h, h0)
    flip = u[:, 22] < flip_probability
    return jnp.stack([jnp.where(flip, x2, x1), y1, jnp.where(flip, x1, x2), y2], axis=-1)


def largest_of_ratio(size: Size, ratio: tuple[float, float]) -> tuple[int, int]:
    """Width and height of the largest window whose width/height lies in `ratio`."""
    height, width = size
    if width / height < ratio[0]:
        return width, round(width / ratio[0])
    if width / height > ratio[1]:
        return round(height * ratio[1]), height
    return width, height


def crop_matrix(windows: Array, size: Size) -> Array:
    """The move that shows a window `(B, 4)` as the whole new picture: `(B, 2, 3)`."""
    x1, y1, x2, y2 = windows.T
    return axis_move((x2 - x1) / size[1], x1, (y2 - y1) / size[0], y1)


def axis_move(scale_x: Array, x: Array, scale_y: Array, y: Array) -> Array:
    """The move x -> scale_x x + x0 and the same for y, all `(B,)`: `(B, 2, 3)`."""
    zero = jnp.zeros_like(scale_x)
    top = jnp.stack([scale_x, zero, x.astype(scale_x.dtype)], axis=-1)
    bottom = jnp.stack([zero, scale_y, y.astype(scale_x.dtype)], axis=-1)
    return jnp.stack([top, bottom], axis=1)


def compose(first: Array, second: Array) -> Array:
    """One move that does `first`, then `second`: `(B, 2, 3)` each."""
    check_rank("compose: first", first, 3)
    linear = jnp.einsum("bij,bjk->bik", first[:, :, :2], second, precision="highest")
    return linear.at[:, :, 2].add(first[:, :, 2])


def random_rotation(keys: Key, images: Array, *, degrees: float, fill: float | None = 0.0) -> Array:
    """Turns each image about its center by up to +-degrees, bilinear: `(B, H, W, C)`."""
    size = images.shape[1], images.shape[2]
    matrix = draw_rotation(keys, size, degrees=degrees)
    return sample_affine(images, matrix, size, fill=fill)


def random_resized_crop(
    keys: Key,
    images: Array,
    size: Size,
    *,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip_probability: float = 0.0,
) -> Array:
    """A random window of each image, resized: `(B, H, W, C)` -> `(B, *size, C)`, antialiased."""
    _, height, width, _ = images.shape
    windows = draw_resized_crop(
        keys, (height, width), scale=scale, ratio=ratio, flip_probability=flip_probability
    )
    return resize_windows(images, windows, size, antialias=True)


def warp_masks(matrix: Array, masks: Array, size: Size, *, fill: int | bool = 0) -> Array:
    """Masks or label maps `(B, H, W)` or `(B, N, H, W)` moved, nearest pixel: any dtype."""
    check_rank("warp_masks: masks", masks, 3, 4)
    planes = masks[..., None] if masks.ndim == 3 else jnp.moveaxis(masks, 1, -1)
    out = sample_affine(planes, matrix, size, method="nearest", fill=fill)
    return out[..., 0] if masks.ndim == 3 else jnp.moveaxis(out, -1, 1)


def warp_points(matrix: Array, points: Array, visible: Array, size: Size) -> tuple[Array, Array]:
    """Points `(B, ..., 2)` moved; those that leave the picture are no longer `visible` `(B, ...)`.

    A mirrored picture swaps what has a left and a right: the caller reorders, see `is_mirrored`.
    """
    moved = transform_points(matrix, points)
    x, y = moved[..., 0], moved[..., 1]
    return moved, visible & (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0])


def warp_boxes(
    matrix: Array, boxes: Array, kept: Array, size: Size, *, min_visible: float = 0.1
) -> tuple[Array, Array]:
    """Boxes `(B, N, 4)` moved and clipped to the picture: boxes, `kept` `(B, N)`.

    A turned box becomes the upright box around its corners. One of which less than `min_visible` of
    the area stays in the picture is no longer kept, and becomes zeros like the padding.
    """
    check_fraction("warp_boxes: min_visible", min_visible)
    x1, y1, x2, y2 = jnp.moveaxis(boxes, -1, 0)
    corners = jnp.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=-1).reshape(*boxes.shape[:2], 4, 2)
    corners = transform_points(matrix, corners)
    low, high = corners.min(axis=2), corners.max(axis=2)
    limit = jnp.array(size[::-1], corners.dtype)[None, None]
    area = jnp.prod(high - low, axis=-1)
    low, high = (jnp.minimum(jnp.maximum(v, 0), limit) for v in (low, high))
    visible = jnp.prod(high - low, axis=-1)
    kept = kept & (visible > 0) & (visible >= min_visible * area)
    return jnp.where(kept[..., None], jnp.concatenate([low, high], axis=-1), 0), kept


def transform_points(matrix: Array, points: Array) -> Array:
    """Where old points `(B, ..., 2)` are in the new picture: A^-1 (p - b)."""
    flat = points.reshape(len(points), -1, 2) - matrix[:, None, :, 2]
    (a, b), (c, d) = jnp.moveaxis(matrix[:, :, :2], 0, -1)  # each (B,)
    inverse = jnp.moveaxis(jnp.array([[d, -b], [-c, a]]), -1, 0) / (a * d - b * c)[:, None, None]
    return jnp.einsum("bij,bnj->bni", inverse, flat, precision="highest").reshape(points.shape)


def is_mirrored(matrix: Array) -> Array:
    """Whether left and right changed sides: `(B, 2, 3)` -> `(B,)` bool."""
    (a, b), (c, d) = jnp.moveaxis(matrix[:, :, :2], 0, -1)
    return a * d < b * c
