"""Keypoints as places in the heat map of a region, and back.

He et al. 2017, arXiv 1703.06870, section 5: one cell of the map is right, by softmax over all.
A region's map has M x M cells; points are `x, y` in pixels of the picture.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.ops.resize import resize_weights
from jaxdl.typing import Array

Size = tuple[int, int]
AROUND = 2  # cells on each side of a peak whose mean `points_by_mean` takes


def cells_of_points(points: Array, visible: Array, boxes: Array, size: int) -> tuple[Array, Array]:
    """The cell that each point falls in, counted row by row, and whether it is in the map.

    torchvision's `keypoints_to_heatmap`: `points` `(..., P, 2)`, `visible` `(..., P)` bool and
    `boxes` `(..., 4)` -> `(..., P)` int32 and bool. A point on the right or lower edge is in the
    last cell; one outside of the box, or not visible, is not learned from.
    """
    low, high = boxes[..., None, :2], boxes[..., None, 2:]
    place = (points - low) * (size / jnp.maximum(high - low, 1e-6))
    cell = jnp.where(points == high, size - 1, jnp.floor(place).astype(jnp.int32))
    good = visible & jnp.all((cell >= 0) & (cell < size), axis=-1)
    return jnp.where(good, cell[..., 1] * size + cell[..., 0], 0), good


def points_by_peak(maps: Array, boxes: Array, size: Size) -> Array:
    """Where the map, enlarged to the pixels of its box, is largest: torchvision's rule.

    `heatmaps_to_keypoints`: bicubic to ceil(height) x ceil(width) of the box, then the middle of
    the largest pixel. `maps` `(R, M, M, P)` logits, `boxes` `(R, 4)` within a picture of `size`
    (height, width) -> `(R, P, 3)`: x, y, and the logit there.
    """
    sides = jnp.maximum(boxes[:, 2:] - boxes[:, :2], 1)  # width and height

    def one(region: tuple[Array, Array]) -> Array:
        heat, side = region  # (M, M, P), (2,)
        pixels = jnp.ceil(side)
        wide = _enlarging(heat.shape[1], size[1], pixels[0])
        tall = _enlarging(heat.shape[0], size[0], pixels[1])
        rows = jnp.einsum("yh,hwp->ywp", tall, heat, precision="highest")
        values = jnp.einsum("xw,ywp->pyx", wide, rows, precision="highest")
        rows, columns = (jnp.arange(n) < most for n, most in zip(size, pixels[::-1], strict=True))
        inside = (rows[:, None] & columns[None])[None]
        values = jnp.where(inside, values, -jnp.inf).reshape(len(values), -1)
        best = jnp.argmax(values, axis=1)
        place = jnp.stack([best % size[1], best // size[1]], axis=-1) + 0.5
        place = place * (side / pixels)[None]
        return jnp.concatenate([place, jnp.max(values, 1)[:, None]], axis=-1)

    found = lax.map(one, (maps, sides))
    return found.at[..., :2].add(boxes[:, None, :2])


def points_by_mean(maps: Array, boxes: Array, size: Size) -> Array:
    """The mean of the cells around the largest, weighted by their chances: finer than a cell.

    In a box of fewer pixels than the map has cells, `points_by_peak` rounds what the map knows.
    Shapes as there; `size` does not matter.
    """
    count = maps.shape[1]
    flat = maps.reshape(len(maps), count * count, -1)
    best = jnp.argmax(flat, axis=1)[:, None]  # (R, 1, P)
    cell = jnp.arange(count * count)[None, :, None]
    row, column = cell // count, cell % count
    near = (jnp.abs(row - best // count) <= AROUND) & (jnp.abs(column - best % count) <= AROUND)
    chance = jax.nn.softmax(jnp.where(near, flat, -jnp.inf), axis=1)
    x, y = (jnp.sum(chance * (axis + 0.5), axis=1) / count for axis in (column, row))  # (R, P)
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    place = jnp.stack([x, y], axis=-1) * sides + boxes[:, None, :2]
    return jnp.concatenate([place, jnp.max(flat, axis=1)[..., None]], axis=-1)


DECODERS: dict[str, Callable[[Array, Array, Size], Array]] = {
    "peak": points_by_peak,
    "mean": points_by_mean,
}


def _enlarging(cells: int, most: int, pixels: Array) -> Array:
    """Bicubic weights `(most, cells)`; the first `pixels` rows are those of so many pixels."""
    stop = jnp.reshape(cells * (most / pixels), (1,))
    return resize_weights(jnp.zeros(1), stop, cells, most, "bicubic", antialias=False)[0]
