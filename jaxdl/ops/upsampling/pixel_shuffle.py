"""Channels as pixels: a larger map from a deeper one."""

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def pixel_shuffle(x: Array, *, factor: int = 2) -> Array:
    """`factor`^2 channels become `factor` x `factor` pixels (Shi et al. 2016, arXiv 1609.05158).

    `(B, H, W, C factor^2)` -> `(B, factor H, factor W, C)`; channel (c factor + i) factor + j is
    row i and column j of channel c, as in torch's `PixelShuffle`.
    """
    check_rank("pixel_shuffle: x", x, 4)
    batch, height, width, channels = x.shape
    if factor < 1 or channels % factor**2:
        raise ValueError(
            f"pixel_shuffle: channels must divide by factor^2 = {factor**2}, got {channels}"
        )
    cells = x.reshape(batch, height, width, -1, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return cells.reshape(batch, height * factor, width * factor, -1)
