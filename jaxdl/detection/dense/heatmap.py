"""Heat maps of centers: what CenterNet is trained towards, and boxes read off its peaks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.ops.boxes.geometry import center_to_corners, corners_to_center
from jaxdl.ops.pool import max_pool
from jaxdl.typing import Array


class HeatTargets(NamedTuple):
    """Of one picture, N truths, on a grid of H x W cells."""

    heat: Array  # (H, W, K) in [0, 1], 1 at the cell of each center
    cell: Array  # (N,) int32, y W + x
    offset: Array  # (N, 2): where in its cell the center is, in [0, 1)
    size: Array  # (N, 2): width and height in cells


def gaussian_radius(size: Array, *, overlap: float = 0.7) -> Array:
    """How far both corners of a box may move inwards or outwards until IoU falls to `overlap`.

    The least of the three roots of CornerNet (Law & Deng 2018, arXiv 1808.01244, section 3.2), each
    here with its right denominator: both corners out, both in, or one each. `(..., 2)` -> `(...)`.
    """
    check_fraction("gaussian_radius: overlap", overlap)
    w, h = size[..., 0], size[..., 1]
    total, area = w + h, w * h

    def root(a: float, b: Array, c: Array) -> Array:
        return (-b + jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 0))) / (2 * a)

    shifted = total - jnp.sqrt(jnp.maximum(total**2 - 4 * area * (1 - overlap) / (1 + overlap), 0))
    inside = (total - jnp.sqrt(jnp.maximum(total**2 - 4 * area * (1 - overlap), 0))) / 4
    outside = root(4 * overlap, 2 * overlap * total, (overlap - 1) * area)
    return jnp.minimum(jnp.minimum(shifted / 2, inside), outside)


def heat_targets(
    boxes: Array, labels: Array, kept: Array, *, grid: tuple[int, ...], num_classes: int
) -> HeatTargets:
    """A Gaussian around each center, the larger where two meet (Zhou et al. 2019, 1904.07850).

    Its deviation is a third of `gaussian_radius`, rounded down to whole cells as published:
    (2 floor(r) + 1) / 6. `boxes` `(N, 4)` in cells; padding leaves no trace.
    """
    height, width = grid
    boxes = jnp.where(kept[:, None], boxes, 0)
    form = corners_to_center(boxes)
    center, size = form[:, :2], form[:, 2:]
    last = jnp.array([[width - 1, height - 1]])
    place = jnp.clip(jnp.floor(center).astype(jnp.int32), 0, last)  # (N, 2) x, y
    sigma = (2 * jnp.floor(jnp.maximum(gaussian_radius(size), 0)) + 1) / 6
    dx = (jnp.arange(width)[None] - place[:, :1]) ** 2  # (N, W)
    dy = (jnp.arange(height)[None] - place[:, 1:]) ** 2
    distance = dy[:, :, None] + dx[:, None]  # (N, H, W)
    bump = jnp.exp(-distance / (2 * sigma[:, None, None] ** 2))
    bump = jnp.where(kept[:, None, None], bump, 0)
    label = jnp.where(kept, labels, 0)
    heat = jnp.zeros((num_classes, height, width), boxes.dtype).at[label].max(bump)
    cell = jnp.where(kept, place[:, 1] * width + place[:, 0], 0)
    offset = jnp.where(kept[:, None], center - place, 0)
    return HeatTargets(jnp.moveaxis(heat, 0, -1), cell, offset, size)


def decode_peaks(
    heat: Array, offset: Array, size: Array, *, count: int
) -> tuple[Array, Array, Array]:
    """The `count` highest cells that no neighbor of their class exceeds, as boxes in cells.

    `heat` `(B, H, W, K)` in [0, 1], `offset` and `size` `(B, H, W, 2)` -> boxes `(B, count, 4)`,
    scores, labels `(B, count)`.
    """
    rows, height, width, classes = heat.shape
    peaks = jnp.where(heat == max_pool(heat, 3, 1, 1), heat, 0)
    score, index = jax.lax.top_k(peaks.reshape(rows, -1), min(count, height * width * classes))
    cell, label = index // classes, index % classes
    shift, sides = (
        jnp.take_along_axis(x.reshape(rows, -1, 2), cell[..., None], axis=1) for x in (offset, size)
    )
    middle = jnp.stack([cell % width, cell // width], axis=-1) + shift
    boxes = center_to_corners(jnp.concatenate([middle, jnp.maximum(sides, 0)], axis=-1))
    return boxes, score, label.astype(jnp.int32)
