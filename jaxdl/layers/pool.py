"""Pooling as layers, so that it has a name and a row in a summary; see `jaxdl.ops.pool`."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.ops.fractional_pool import fractional_max_pool
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


class FractionalMaxPool(nn.Module):
    """See `fractional_max_pool`: `(B, H, W, C)` -> `(B, floor(H / ratio), floor(W / ratio), C)`.

    The places are drawn a row from `dropout`; deterministic, they are those of u = 1/2.
    """

    ratio: float = 1.5
    deterministic: bool = False
    window: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        size = int(x.shape[1] / self.ratio), int(x.shape[2] / self.ratio)
        if self.deterministic:
            samples = jnp.full((len(x), 2), 0.5)
        else:
            samples = jax.random.uniform(self.make_rng("dropout"), (len(x), 2), jnp.float32)
        return fractional_max_pool(x, samples, window=self.window, size=size)
