"""Max and average pooling with torch's semantics and gradients that are cheap on every device."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.ops.forms.conv_geometry import pad_pairs, per_axis
from jaxdl.ops.forms.max_pool import Windows, window_maximum
from jaxdl.typing import Array


def max_pool(
    x: Array,
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
) -> Array:
    """The largest value of every window; its gradient goes to the first maximum, as in torch.

    Args:
      x: `(B, H, W, C)`; also `(B, L, C)` and `(B, T, H, W, C)`.
      window: an int, or one a spatial axis; so is `stride` (default: the window).
      padding: minus infinities on both sides, at most half the window.
      ceil_mode: also keep a last window that overhangs.

    Returns: `(B, H', W', C)`, H' = floor or ceil((H + 2 p - k) / s) + 1.
    """
    windows = _windows("max_pool", x, window, stride, padding, ceil_mode)
    return window_maximum(x, windows)


def avg_pool(
    x: Array,
    window: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of every window, as in torch; arguments and shapes as in `max_pool`.

    `count_include_pad`: padded zeros count as elements (what overhangs in ceil mode never does).
    """
    windows = _windows("avg_pool", x, window, stride, padding, ceil_mode)
    sums = lax.reduce_window(
        x,
        np.zeros((), x.dtype),
        lax.add,
        (1, *windows.size, 1),
        (1, *windows.stride, 1),
        [(0, 0), *windows.pads, (0, 0)],
    )
    count = _counts(x.shape[1:-1], windows, count_include_pad)
    return sums * (1 / count)[None, ..., None].astype(x.dtype)


def adaptive_avg_pool(x: Array, size: int | Sequence[int]) -> Array:
    """Means over a grid of `size` cells that cover the image, as in torch: `(B, H, W, C)`.

    Cell i of n over H pixels is [floor(i H / n), ceil((i + 1) H / n)); cells overlap where n does
    not divide H, and repeat pixels where n > H. Returns `(B, *size, C)`.
    """
    check_rank("adaptive_avg_pool: x", x, 3, 4, 5)
    cells = per_axis("adaptive_avg_pool: size", size, x.ndim - 2)
    for axis, (n, k) in enumerate(zip(x.shape[1:-1], cells, strict=True), 1):
        if n != k:  # one small matrix product an axis
            matrix = jnp.asarray(_cell_means(n, k), x.dtype)
            y = jnp.tensordot(x, matrix, (axis, 0), precision=lax.Precision.HIGHEST)
            x = jnp.moveaxis(y, -1, axis)
    return x


def _cell_means(pixels: int, cells: int) -> np.ndarray:
    """`(pixels, cells)`: the share of each pixel in the mean of each cell."""
    edges = np.arange(cells + 1) * pixels
    low, high = edges[:-1] // cells, -(-edges[1:] // cells)
    at = np.arange(pixels)[:, None]
    return ((at >= low) & (at < high)) / (high - low)


def _windows(who, x, window, stride, padding, ceil_mode) -> Windows:
    if x.ndim not in (3, 4, 5):
        raise ValueError(
            f"{who}: x must be (B, H, W, C), (B, L, C) or (B, T, H, W, C), got {x.shape}"
        )
    rank = x.ndim - 2
    size = per_axis(f"{who}: window", window, rank)
    stride = size if stride is None else per_axis(f"{who}: stride", stride, rank)
    pads = [low for low, _ in pad_pairs(f"{who}: padding", padding, rank)]
    if any(2 * p > k for p, k in zip(pads, size, strict=True)):
        raise ValueError(f"{who}: padding must be at most half the window {size}, got {padding}")
    out, ends = [], []
    for n, k, s, p in zip(x.shape[1:-1], size, stride, pads, strict=True):
        room = n + 2 * p - k
        o = (-(-room // s) if ceil_mode else room // s) + 1
        o -= ceil_mode and (o - 1) * s >= n + p  # a window must start inside the input
        out.append(o)
        ends.append((o - 1) * s + k - n - p)
    if min(out) < 1:
        raise ValueError(f"{who}: windows of {size} do not fit into {x.shape[1:-1]}")
    return Windows(size, stride, tuple(zip(pads, ends, strict=True)), tuple(out))


def _counts(sizes: Sequence[int], windows: Windows, include: bool) -> np.ndarray:
    """The number of elements that the mean of each window divides by, one axis per spatial axis."""
    lows = [low for low, _ in windows.pads]
    counts = np.ones((1,) * len(sizes))
    for axis, (n, k, s, p, o) in enumerate(
        zip(sizes, windows.size, windows.stride, lows, windows.out, strict=True)
    ):
        start = np.arange(o) * s - p
        low, high = (-p, n + p) if include else (0, n)
        count = np.minimum(start + k, high) - np.maximum(start, low)
        counts = counts * count.reshape([-1 if a == axis else 1 for a in range(len(sizes))])
    return counts
