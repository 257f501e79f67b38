"""Histograms of oriented gradients (Dalal & Triggs 2005)."""

import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array, ArrayLike

EPS = 1e-5  # under the root of a block's norm
CLIP = 0.2  # no entry of a normalized block is larger: one strong edge does not rule


def hog(
    images: ArrayLike, *, cell: int = 8, orientations: int = 9, block: int | None = None
) -> Array:
    """A vector of edge directions for each image, color or gray.

    Without `block`, the cells' histograms as they are: `(B, H//cell * W//cell * orientations)`, so
    320x240 gives 40 x 30 x 9 = 10,800 numbers. With `block`, every square of that many cells on a
    side is normalized by itself and all of them are concatenated.
    """
    cells = cell_histograms(images, cell=cell, orientations=orientations)
    if block is not None:
        cells = normalize_blocks(cells, block=block)
    return cells.reshape(len(cells), -1)


def gradients(images: ArrayLike) -> tuple[Array, Array]:
    """Centered differences down and across, 0 at the border; of the steepest channel at each pixel.

    `(B, H, W)` or `(B, H, W, C)` -> two `(B, H, W)`.
    """
    check_rank("gradients: images", images, 3, 4)
    x = jnp.asarray(images, jnp.result_type(images, jnp.float32))
    x = x[..., None] if x.ndim == 3 else x
    down = jnp.pad(x[:, 2:] - x[:, :-2], ((0, 0), (1, 1), (0, 0), (0, 0)))
    across = jnp.pad(x[:, :, 2:] - x[:, :, :-2], ((0, 0), (0, 0), (1, 1), (0, 0)))
    best = down[..., 0], across[..., 0]
    for channel in range(1, x.shape[3]):  # selects run side by side, a gather would not
        new = down[..., channel], across[..., channel]
        steeper = new[0] ** 2 + new[1] ** 2 > best[0] ** 2 + best[1] ** 2
        best = jnp.where(steeper, new[0], best[0]), jnp.where(steeper, new[1], best[1])
    return best


def cell_histograms(images: ArrayLike, *, cell: int = 8, orientations: int = 9) -> Array:
    """The mean gradient magnitude of each direction in [0, 180) degrees in each cell.

    `(B, H, W)` or `(B, H, W, C)` -> `(B, H//cell, W//cell, orientations)`; rows and columns that
    fill no cell are left out.
    """
    check_positive("cell_histograms: cell", cell)
    check_positive("cell_histograms: orientations", orientations)
    down, across = gradients(images)
    batch, height, width = down.shape
    rows, columns = height // cell, width // cell
    if not rows or not columns:
        raise ValueError(
            f"cell_histograms: image {height}x{width} must hold a {cell}x{cell} cell; resize it"
        )
    magnitude = jnp.hypot(down, across)
    angle = jnp.degrees(jnp.arctan2(down, across)) % 180
    direction = jnp.floor(angle * (orientations / 180)).astype(jnp.int32) % orientations
    place = jnp.arange(rows * cell)[:, None] // cell * columns
    place = place + jnp.arange(columns * cell)[None, :] // cell
    slot = place[None, :, :] * orientations + direction[:, : rows * cell, : columns * cell]
    votes = magnitude[:, : rows * cell, : columns * cell] / cell**2
    total = jnp.zeros((batch, rows * columns * orientations), votes.dtype)
    total = total.at[jnp.arange(batch)[:, None], slot.reshape(batch, -1)].add(
        votes.reshape(batch, -1)
    )
    return total.reshape(batch, rows, columns, orientations)


def normalize_blocks(cells: Array, *, block: int) -> Array:
    """L2-Hys: each block of cells to unit norm, clipped at 0.2, to unit norm again.

    `(B, h, w, O)` -> `(B, h-block+1, w-block+1, block, block, O)`.
    """
    check_rank("normalize_blocks: cells", cells, 4)
    down, across = (n - block + 1 for n in cells.shape[1:3])
    if block < 1 or down < 1 or across < 1:
        raise ValueError(
            f"normalize_blocks: block must lie in [1, {min(cells.shape[1:3])}], the cells on a "
            f"side, got {block}"
        )
    shifts = [[cells[:, i : i + down, j : j + across] for j in range(block)] for i in range(block)]
    blocks = jnp.stack([jnp.stack(row, axis=3) for row in shifts], axis=3)
    return _to_unit(jnp.minimum(_to_unit(blocks), CLIP))


def _to_unit(blocks: Array) -> Array:
    return blocks / jnp.sqrt(jnp.sum(blocks**2, axis=(3, 4, 5), keepdims=True) + EPS**2)
