"""Pooling as layers, so that it has a name and a row in a summary; see `jaxdl.ops.pool`."""

import flax.linen as nn

from jaxdl.ops.pool import avg_pool, max_pool
from jaxdl.typing import Array

Sizes = int | tuple[int, ...]


class MaxPool(nn.Module):
    """Maximum of every window, `(B, H, W, C)` -> `(B, H', W', C)`; stride None is the window."""

    window: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    ceil_mode: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return max_pool(x, self.window, self.stride, self.padding, self.ceil_mode)


class AvgPool(nn.Module):
    """Mean of every window, `(B, H, W, C)` -> `(B, H', W', C)`; stride None is the window."""

    window: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return avg_pool(
            x, self.window, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )
