"""Masked convolution over pixels in raster order, colors of a pixel in order.

The masked weights are not there at all: one kernel over the rows above, one over the pixels to the
left in the same row and the pixel itself. The two halves are what cached sampling needs.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.ops.conv import conv
from jaxdl.typing import Array, Host


def color_mask(channels: int, features: int, colors: int, kind: str, parts: int = 1) -> Host:
    """Which input channels an output feature may see of its own pixel: `(channels, features)`.

    Channels belong to colors in `colors` equal blocks; so do features, within each of `parts`
    equal blocks (gates). Kind A sees earlier colors, B also its own (van den Oord et al. 2016,
    arXiv 1601.06759, section 3.4).
    """
    check_one_of("color_mask: kind", kind, ("A", "B"))
    if channels % colors or features % (colors * parts):
        raise ValueError(
            f"color_mask: {channels} channels and {features} features in {parts} parts must "
            f"divide into {colors} colors"
        )
    seen = np.arange(channels) * colors // channels
    width = features // parts
    own = np.arange(features) % width * colors // width
    below = seen[:, None] < own[None]
    return below if kind == "A" else below | (seen[:, None] == own[None])


class CausalConv(nn.Module):
    """`(B, H, W, channels)` -> `(B, H, W, features)`, `size` x `size` (odd), kind A or B.

    `rows` False leaves the rows above out. Parameters: `above` `(size // 2, size, C, F)`, `left`
    `(1, size // 2 + 1, C, F)`, `bias` `(F,)`.
    """

    channels: int
    features: int
    size: int = 3
    kind: str = "B"
    colors: int = 1
    parts: int = 1
    rows: bool = True

    def setup(self) -> None:
        if self.size % 2 == 0:
            raise ValueError(f"CausalConv: size must be odd, got {self.size}")
        reach = self.size // 2
        mask = color_mask(self.channels, self.features, self.colors, self.kind, self.parts)
        mask = np.concatenate([np.ones((reach, *mask.shape)), mask[None]])[None]
        taps = reach + 1 + reach * self.size * self.sees_rows
        init = nn.initializers.normal((self.channels * taps) ** -0.5)
        shape = (self.channels, self.features)
        self.mask = jnp.asarray(mask, jnp.float32)
        if self.sees_rows:
            self.above_kernel = self.param("above", init, (reach, self.size, *shape), jnp.float32)
        self.left_kernel = self.param("left", init, (1, reach + 1, *shape), jnp.float32)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)

    @property
    def sees_rows(self) -> bool:
        """Whether there are rows above that it sees."""
        return self.rows and self.size > 1

    def __call__(self, x: Array) -> Array:
        reach = self.size // 2
        y = self.left(jnp.pad(x, [(0, 0), (0, 0), (reach, 0), (0, 0)]))
        if not self.sees_rows:
            return y
        return y + self.above(jnp.pad(x[:, :-1], [(0, 0), (reach, 0), (0, 0), (0, 0)]))

    def above(self, rows: Array) -> Array:
        """What rows give to those below: `(B, size // 2 - 1 + n, W, C)` -> `(B, n, W, F)`."""
        return conv(rows, self.above_kernel, padding=(0, self.size // 2))

    def left(self, cells: Array) -> Array:
        """What pixels and those left of them give: `(B, n, size // 2 + w, C)` -> `(B, n, w, F)`."""
        return conv(cells, self.left_kernel * self.mask) + self.bias[None, None, None]
