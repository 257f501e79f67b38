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


def shape_pairs(shapes: Sequence[float]) -> Host:
    """Flat widths and heights as `(A, 2)`. Raises UsageError unless they are positive pairs."""
    if not len(shapes) or len(shapes) % 2 or min(shapes) <= 0:
        raise UsageError(f"anchors must be pairs of width and height above 0, got {tuple(shapes)}")
    return np.asarray(shapes, np.float64).reshape(-1, 2)


def _middles(grid: tuple[int, ...]) -> Host:
    y, x = (np.arange(n) + 0.5 for n in grid)
    return np.stack(np.meshgrid(x, y), axis=-1)
