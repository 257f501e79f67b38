"""Heat maps of points: what CenterNet and CornerNet are trained towards, and their peaks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.ops.pool import max_pool
from jaxdl.typing import Array


class HeatTargets(NamedTuple):
    """Of one picture, N points, on a grid of H x W cells."""

    heat: Array  # (H, W, K) in [0, 1], 1 at the cell of each point
    cell: Array  # (N,) int32, y W + x
    offset: Array  # (N, 2): where in its cell the point is, in [0, 1) but at the grid's far edges


class Peaks(NamedTuple):
    """Cells that no neighbor of their class exceeds, by falling score."""

    score: Array  # (B, n)
    cell: Array  # (B, n) int32, y W + x
    label: Array  # (B, n) int32


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
    points: Array,
    size: Array,
    labels: Array,
    kept: Array,
    *,
    grid: tuple[int, ...],
    num_classes: int,
    overlap: float = 0.7,
) -> HeatTargets:
    """A Gaussian around each point, the larger where two meet (Law & Deng 2018, section 3.2).

    Its deviation is a third of `gaussian_radius`, rounded down to whole cells as published:
    (2 floor(r) + 1) / 6. `points` `(N, 2)`, x and y, and `size` `(N, 2)`, width and height of their
    boxes, in cells; padding leaves no trace.
    """
    height, width = grid
    points, size = (jnp.where(kept[:, None], x, 0) for x in (points, size))
    last = jnp.array([[width - 1, height - 1]])
    place = jnp.clip(jnp.floor(points).astype(jnp.int32), 0, last)  # (N, 2) x, y
    radius = gaussian_radius(size, overlap=overlap)
    sigma = (2 * jnp.floor(jnp.maximum(radius, 0)) + 1) / 6
    dx = (jnp.arange(width)[None] - place[:, :1]) ** 2  # (N, W)
    dy = (jnp.arange(height)[None] - place[:, 1:]) ** 2
    distance = dy[:, :, None] + dx[:, None]  # (N, H, W)
    bump = jnp.exp(-distance / (2 * sigma[:, None, None] ** 2))
    bump = jnp.where(kept[:, None, None], bump, 0)
    label = jnp.where(kept, labels, 0)
    heat = jnp.zeros((num_classes, height, width), points.dtype).at[label].max(bump)
    cell = jnp.where(kept, place[:, 1] * width + place[:, 0], 0)
    offset = jnp.where(kept[:, None], points - place, 0)
    return HeatTargets(jnp.moveaxis(heat, 0, -1), cell, offset)


def find_peaks(heat: Array, *, count: int) -> Peaks:
    """The `count` highest of `heat` `(B, H, W, K)` in [0, 1]."""
    rows, height, width, classes = heat.shape
    peaks = jnp.where(heat == max_pool(heat, 3, 1, 1), heat, 0)
    score, index = jax.lax.top_k(peaks.reshape(rows, -1), min(count, height * width * classes))
    return Peaks(score, index // classes, (index % classes).astype(jnp.int32))


def at_cells(values: Array, cell: Array) -> Array:
    """What maps say at cells: `(B, H, W, D)`, `(B, n)` -> `(B, n, D)`."""
    flat = values.reshape(len(values), -1, values.shape[-1])
    return jnp.take_along_axis(flat, cell[..., None], axis=1)


def peak_points(peaks: Peaks, offset: Array) -> Array:
    """x and y of peaks in cells, each moved by `offset` `(B, H, W, 2)`: `(B, n, 2)`."""
    width = offset.shape[2]
    corner = jnp.stack([peaks.cell % width, peaks.cell // width], axis=-1)
    return corner + at_cells(offset, peaks.cell)


def hide_nan(heat: Array, score: Array) -> Array:
    """`(B, H, W, K)`, `(B, n)`: where a picture's heat has a NaN, which is no peak, so has all."""
    return jnp.where(jnp.isnan(heat).any((1, 2, 3))[:, None], jnp.nan, score)
