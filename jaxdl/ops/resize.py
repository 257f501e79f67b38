"""Images at other sizes and from other places, with the pixel convention of Pillow and torch.

Pixel i covers [i, i + 1) and its center is i + 0.5 (torch's `align_corners=False`). Points are
`(x, y)` in these units, as boxes are.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.typing import Array

METHODS = ("nearest", "bilinear", "bicubic")


def resize(
    images: Array,
    size: tuple[int, int],
    *,
    method: str = "bilinear",
    antialias: bool = False,
    align_corners: bool = False,
) -> Array:
    """`(B, H, W, C)` -> `(B, *size, C)`, size = (height, width).

    `antialias` widens the filter where it shrinks (Pillow; torch's flag of that name). "nearest"
    takes the pixel under the new center (Pillow, torch's "nearest-exact"), in any dtype.
    `align_corners` lays the centers of the pixels in the corners on one another, not the edges
    (torch's flag of that name), which neither "nearest" nor `antialias` go with.
    """
    if align_corners and (antialias or method == "nearest"):
        raise ValueError('resize: align_corners goes neither with antialias nor with "nearest"')
    check_images("resize", images, method)
    _, height, width, _ = images.shape
    zero = jnp.zeros(1, jnp.float32)
    if method == "nearest":
        ys = nearest_taps(zero, zero + height, height, size[0])[0]
        xs = nearest_taps(zero, zero + width, width, size[1])[0]
        return images[:, ys][:, :, xs]
    spans = ((zero, zero + height), (zero, zero + width))
    if align_corners:
        spans = tuple(corner_span(n, m) for n, m in zip((height, width), size, strict=True))
    wy = resize_weights(*spans[0], height, size[0], method, antialias)[0]
    wx = resize_weights(*spans[1], width, size[1], method, antialias)[0]
    rows = jnp.einsum("yh,bhwc->bywc", wy, images, precision="highest")
    return jnp.einsum("xw,bywc->byxc", wx, rows, precision="highest").astype(images.dtype)


def resize_windows(
    images: Array,
    windows: Array,
    size: tuple[int, int],
    *,
    method: str = "bilinear",
    antialias: bool = False,
) -> Array:
    """Cuts one window out of each image, then resizes the cut: `(B, H, W, C)` -> `(B, *size, C)`.

    Args: `windows` `(B, 4)`, `x1, y1, x2, y2` inside the image; x1 > x2 mirrors left and right.
    """
    check_images("resize_windows", images, method)
    check_rank("resize_windows: windows", windows, 2)
    _, height, width, _ = images.shape
    x1, y1, x2, y2 = jnp.asarray(windows, jnp.float32).T
    if method == "nearest":
        ys = nearest_taps(y1, y2, height, size[0])
        xs = nearest_taps(x1, x2, width, size[1])
        rows = jnp.arange(len(images))[:, None, None]
        return images[rows, ys[:, :, None], xs[:, None, :]]
    # Two small matrix products an image: no slower on a CPU than four gathers, and antialiased.
    wy = resize_weights(y1, y2, height, size[0], method, antialias)
    wx = resize_weights(x1, x2, width, size[1], method, antialias)
    rows = jnp.einsum("byh,bhwc->bywc", wy, images, precision="highest")
    return jnp.einsum("bxw,bywc->byxc", wx, rows, precision="highest").astype(images.dtype)


def corner_span(length: int, size: int) -> tuple[Array, Array]:
    """The part of an axis whose `size` equal parts have the first and last pixels' centers."""
    step = (length - 1) / (size - 1) if size > 1 else 0.0
    start = jnp.full(1, 0.5 - 0.5 * step, jnp.float32)
    return start, start + jnp.float32(size * step)


def nearest_taps(start: Array, stop: Array, length: int, size: int) -> Array:
    """The pixel under each new center: starts and stops `(B,)` -> indices `(B, size)`."""
    taps = jnp.floor(new_centers(start, stop, size)).astype(jnp.int32)
    return clip_taps(taps, start, stop, length)


def resize_weights(
    start: Array, stop: Array, length: int, size: int, method: str, antialias: bool
) -> Array:
    """How much of each old pixel is in each new one, along one axis: `(B,)` -> `(B, size, length)`.

    The old axis is cut to start..stop first. Torch's definitions: a cubic kernel with a = -0.75 and
    repeated edge pixels, or, antialiased, a = -0.5 and weights that sum to 1 over what is left.
    """
    center = new_centers(start, stop, size)  # (B, size)
    pixels = jnp.arange(length)
    if antialias:
        scale = jnp.maximum(jnp.abs(stop - start) / size, 1.0)[:, None, None]
        low, high = jnp.minimum(start, stop), jnp.maximum(start, stop)
        middle = pixels[None] + 0.5  # (1, length)
        kept = (middle > low[:, None]) & (middle < high[:, None])
        away = (middle[None] - center[..., None]) / scale
        weights = jnp.where(kept[:, None], KERNELS[method](away, -0.5), 0.0)
        return weights / jnp.sum(weights, axis=-1, keepdims=True)
    first = jnp.floor(center - 0.5)
    weights = jnp.zeros((*center.shape, length), jnp.float32)
    for offset in REACH[method]:
        tap = first + offset
        weight = KERNELS[method](tap + 0.5 - center, -0.75)
        tap = clip_taps(tap.astype(jnp.int32), start, stop, length)
        weights += jnp.where(tap[..., None] == pixels[None, None], weight[..., None], 0.0)
    return weights


def new_centers(start: Array, stop: Array, size: int) -> Array:
    """The centers of the `size` equal parts of start..stop: `(B,)` -> `(B, size)`."""
    # Divided last, so that whole-numbered ratios hit their pixels exactly.
    return (
        start[:, None]
        + (jnp.arange(size, dtype=jnp.float32) + 0.5)[None] * (stop - start)[:, None] / size
    )


def clip_taps(taps: Array, start: Array, stop: Array, length: int) -> Array:
    """Keeps indices `(B, size)` inside the window and the axis."""
    low = jnp.floor(jnp.minimum(start, stop)).astype(jnp.int32)
    high = jnp.ceil(jnp.maximum(start, stop)).astype(jnp.int32) - 1
    return jnp.clip(jnp.clip(taps, low[:, None], high[:, None]), 0, length - 1)


def triangle(t: Array, _a: float) -> Array:
    """The linear kernel, max(0, 1 - |t|)."""
    return jnp.maximum(1 - jnp.abs(t), 0)


def cubic(t: Array, a: float) -> Array:
    """The cubic convolution kernel (Keys 1981, eq. 4) with slope `a` at 1."""
    t = jnp.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return jnp.where(t < 1, near, jnp.where(t < 2, far, 0.0))


KERNELS = {"bilinear": triangle, "bicubic": cubic}
REACH = {"bilinear": (0, 1), "bicubic": (-1, 0, 1, 2)}


def sample_affine(
    images: Array,
    matrix: Array,
    size: tuple[int, int],
    *,
    method: str = "bilinear",
    fill: float | None = 0.0,
) -> Array:
    """The new pixel centered at p shows the image at A p + b: `(B, H, W, C)` -> `(B, *size, C)`.

    Pillow's `transform(AFFINE)`, a matrix an image.
    Args: `matrix` `(B, 2, 3)`, rows [A | b]. `fill` as in `sample_points`.
    """
    check_rank("sample_affine: matrix", matrix, 3)
    ys, xs = jnp.meshgrid(*(jnp.arange(n, dtype=jnp.float32) + 0.5 for n in size), indexing="ij")
    points = jnp.stack([xs, ys, jnp.ones(size, jnp.float32)], axis=-1)
    points = jnp.einsum("bij,yxj->byxi", matrix, points, precision="highest")
    return sample_points(images, points, method=method, fill=fill)


def sample_points(
    images: Array, points: Array, *, method: str = "bilinear", fill: float | None = 0.0
) -> Array:
    """Each image at its points: `(B, H, W, C)`, `(B, ..., 2)` x, y -> `(B, ..., C)`.

    Where a point lies outside it is `fill`; None repeats the edge instead. Half a pixel within the
    edge counts as inside and repeats the edge pixel, as in Pillow: no dark rim.
    """
    check_images("sample_points", images, method)
    check_one_of("sample_points: method", method, METHODS[:2])
    _, height, width, _ = images.shape
    x, y = points[..., 0], points[..., 1]
    if method == "nearest":
        out = pixels_at(images, jnp.floor(x), jnp.floor(y))
    else:
        left, top = jnp.floor(x - 0.5), jnp.floor(y - 0.5)
        u, v = (x - 0.5 - left)[..., None], (y - 0.5 - top)[..., None]
        upper = pixels_at(images, left, top) * (1 - u) + pixels_at(images, left + 1, top) * u
        lower = (
            pixels_at(images, left, top + 1) * (1 - u) + pixels_at(images, left + 1, top + 1) * u
        )
        out = upper * (1 - v) + lower * v
    if fill is None:
        return out
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return jnp.where(inside[..., None], out, jnp.asarray(fill, images.dtype))


def pixels_at(images: Array, x: Array, y: Array) -> Array:
    """The pixels at whole-numbered positions `(B, ...)`, edges repeated: -> `(B, ..., C)`."""
    _, height, width, _ = images.shape
    column = jnp.clip(x, 0, width - 1).astype(jnp.int32)
    row = jnp.clip(y, 0, height - 1).astype(jnp.int32)
    return jax.vmap(lambda image, r, c: image[r, c])(images, row, column)


def check_images(who: str, images: Array, method: str) -> None:
    """Raises unless images have four axes and are real numbers where they are mixed."""
    check_rank(f"{who}: images", images, 4)
    check_one_of(f"{who}: method", method, METHODS)
    if method != "nearest" and not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{who}: {method} images must be floating point, got {images.dtype};"
            ' convert them first, or use method="nearest"'
        )
