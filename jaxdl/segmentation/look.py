"""What a network says of pictures: once, of their mirror images too, or tile by tile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_rank
from jaxdl.typing import Array, Host

Apply = Callable[[Array], Array]  # pictures (B, H, W, C) -> logits (B, H, W, K)


@dataclass(frozen=True)
class LookConfig:
    """How a trained network looks at a picture."""

    flip: bool = False
    """Mean of what it says of the picture and of its mirror image."""
    tile: tuple[int, ...] = ()
    """Height and width of what it is given at once (default: the whole picture)."""
    overlap: int = 16
    """Pixels that neighboring tiles share, at least."""

    def __post_init__(self) -> None:
        if len(self.tile) not in (0, 2):
            raise UsageError(f"look.tile must be a height and a width, got {self.tile}")
        if self.overlap < 0 or (self.tile and self.overlap >= min(self.tile)):
            raise UsageError(
                f"look.overlap must lie in 0..{min(self.tile, default=1) - 1}, less than a tile, "
                f"got {self.overlap}"
            )


def class_shares(apply: Apply, images: Array, look: LookConfig) -> Array:
    """The share of each class at each pixel: `(B, H, W, C)` -> `(B, H, W, K)`, sums of 1."""
    check_rank("class_shares: images", images, 4)

    def once(part: Array) -> Array:
        shares = jax.nn.softmax(apply(part))
        if look.flip:
            shares = (shares + jax.nn.softmax(apply(part[:, :, ::-1]))[:, :, ::-1]) / 2
        return shares

    if not look.tile:
        return once(images)
    return tiled(once, images, (look.tile[0], look.tile[1]), look.overlap)


def tiled(apply: Apply, images: Array, tile: tuple[int, int], overlap: int) -> Array:
    """`apply` of overlapping tiles, blended: each counts less towards its own edges.

    The last row and column of tiles end with the picture; a picture smaller than a tile is one.
    """
    height, width = images.shape[1:3]
    rows, columns = min(tile[0], height), min(tile[1], width)
    weights = jnp.asarray(tile_weights(rows, columns, overlap))[None, :, :, None]
    total: Array | None = None
    for top, left in tile_places((height, width), (rows, columns), overlap):
        part = apply(images[:, top : top + rows, left : left + columns])
        if total is None:
            total = jnp.zeros((len(images), height, width, part.shape[-1] + 1), part.dtype)
        seen = jnp.concatenate([part, jnp.ones_like(part[..., :1])], axis=-1) * weights
        total = total.at[:, top : top + rows, left : left + columns].add(seen)
    assert total is not None, "a picture has at least one tile"
    return total[..., :-1] / total[..., -1:]


def tile_places(
    size: tuple[int, int], tile: tuple[int, int], overlap: int
) -> Iterator[tuple[int, int]]:
    """The upper left corners of the fewest tiles that cover the picture and overlap so much."""
    starts = []
    for length, side in zip(size, tile, strict=True):
        count = 1 if side >= length else -(-(length - overlap) // (side - overlap))
        starts.append(np.round(np.linspace(0, length - side, count)).astype(int).tolist())
    yield from ((top, left) for top in starts[0] for left in starts[1])


def tile_weights(rows: int, columns: int, overlap: int) -> Host:
    """1 in the middle, down to 1 / (overlap + 1) over the last pixels of each side: `(H, W)`."""
    ramps = []
    for side in (rows, columns):
        edge = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1
        ramps.append(np.minimum(edge / (overlap + 1), 1))
    return np.outer(*ramps).astype(np.float32)
