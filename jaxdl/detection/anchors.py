"""Anchors: boxes of given shapes around every cell of a feature map."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.typing import Array, Host

# Width and height in cells of a 7x7 grid: the nine shapes of the notes' detectors.
SHAPES = (1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 2, 3, 3, 2, 3, 5, 5, 3)


def make_anchors(
    grid: tuple[int, ...], shapes: Sequence[float] = SHAPES, *, stride: float = 1.0
) -> Array:
    """A box of each shape around the middle of each cell: `(A, H, W, 4)`, corners.

    `shapes` are A pairs of width and height in cells, one after the other; `stride` is how many
    pixels a cell measures.
    """
    center = _middles(grid)
    sides = shape_pairs(shapes)[:, None, None] / 2  # (A, 1, 1, 2)
    boxes = np.concatenate([center[None] - sides, center[None] + sides], axis=-1)
    return jnp.asarray(stride * boxes, jnp.float32)


def level_anchors(
    size: tuple[int, int],
    grids: Sequence[tuple[int, ...]],
    sides: Sequence[Sequence[float]],
    ratios: Sequence[float],
) -> Array:
    """torchvision's anchors on the levels of a pyramid: `(N, 4)` corners in pixels.

    In a picture of `size` (H, W), each cell of level l, of `grids[l]` (rows, columns), has a box
    for each of `ratios` (height / width) and each of `sides[l]`, with the area of a square of that
    side; in the order of levels, rows, columns, ratios, sides. They lie around the cell's corner
    at the top left, and their own corners are rounded to whole pixels.
    """
    boxes = []
    root = np.sqrt(np.asarray(ratios, np.float32))[:, None]
    for grid, level in zip(grids, sides, strict=True):
        side = np.asarray(level, np.float32)[None]
        shape = np.stack([side / root, side * root], axis=-1).reshape(-1, 2) / 2  # half w, h
        base = np.round(np.concatenate([-shape, shape], axis=-1))
        steps = [full // cells for full, cells in zip(size, grid, strict=True)]
        y, x = (np.arange(n) * step for n, step in zip(grid, steps, strict=True))
        corner = np.tile(np.stack(np.meshgrid(x, y), axis=-1), 2)  # (H, W, 4)
        boxes.append((corner[:, :, None] + base).reshape(-1, 4))
    return jnp.asarray(np.concatenate(boxes), jnp.float32)


def default_boxes(
    size: tuple[int, int],
    grids: Sequence[tuple[int, ...]],
    scales: Sequence[float],
    ratios: Sequence[Sequence[float]],
    *,
    steps: Sequence[float] | None = None,
) -> Array:
    """SSD's boxes (Liu et al. 2016, arXiv 1512.02325, section 2.2): `(N, 4)` corners in pixels.

    `scales` are parts of the picture `size` (H, W), one a level and one more. A cell of level l has
    squares of scale s_l and sqrt(s_l s_l+1), then for each r of `ratios[l]` two of scale s_l: r
    times as wide as high, and the reverse; in the order of levels, rows, columns, shapes. No side
    exceeds the picture's. `steps` are the pixels from cell to cell, where those are not the
    picture's divided by the grid.
    """
    if len(scales) != len(grids) + 1 or len(ratios) != len(grids):
        raise UsageError(
            f"default boxes of {len(grids)} levels need ratios for each, and a scale for each and "
            f"one more, got {len(ratios)} and {len(scales)}"
        )
    full, boxes = np.asarray(size[::-1], np.float64), []
    for i, grid in enumerate(grids):
        scale, between = scales[i], np.sqrt(scales[i] * scales[i + 1])
        shapes = [(scale, scale), (between, between)]
        for ratio in ratios[i]:
            wide = scale * np.sqrt(ratio), scale / np.sqrt(ratio)
            shapes += [wide, wide[::-1]]
        half = np.clip(shapes, 0, 1) / 2  # (A, 2)
        cell = np.full(2, steps[i]) if steps else full / grid[::-1]
        center = (_middles(grid) * cell / full)[:, :, None]  # (H, W, 1, 2)
        boxes.append(np.concatenate([center - half, center + half], axis=-1).reshape(-1, 4))
    return jnp.asarray(np.concatenate(boxes) * np.tile(full, 2), jnp.float32)


def shape_pairs(shapes: Sequence[float]) -> Host:
    """Flat widths and heights as `(A, 2)`. Raises UsageError unless they are positive pairs."""
    if not len(shapes) or len(shapes) % 2 or min(shapes) <= 0:
        raise UsageError(f"anchors must be pairs of width and height above 0, got {tuple(shapes)}")
    return np.asarray(shapes, np.float64).reshape(-1, 2)


def _middles(grid: tuple[int, ...]) -> Host:
    y, x = (np.arange(n) + 0.5 for n in grid)
    return np.stack(np.meshgrid(x, y), axis=-1)
