"""Self-attention over the positions of an image."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.ops.attention import scaled_dot_product
from jaxdl.typing import Array, ModuleDef


class SpatialAttention(nn.Module):
    """x + gamma attention(x), gamma from 0 (SAGAN, Zhang et al. 2018, arXiv 1805.08318, eq. 3).

    Every position looks at all: `(B, H, W, C)` -> the same. Queries and keys have C / `reduce`
    channels (the paper: 8); scores are divided by the root of their number, which the paper does
    not. `norm` comes first where it is given.
    """

    reduce: int = 8
    norm: ModuleDef | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_rank("SpatialAttention: x", x, 4)
        channels = x.shape[-1]
        if channels % self.reduce:
            raise ValueError(
                f"SpatialAttention: reduce (={self.reduce}) must divide the channels of {x.shape}"
            )
        y = x if self.norm is None else self.norm(name="norm")(x)
        y = y.reshape(len(x), -1, channels)
        query = Dense(channels // self.reduce, name="query")(y)
        key = Dense(channels // self.reduce, name="key")(y)
        value = Dense(channels, name="value")(y)
        y, _ = scaled_dot_product(query, key, value)
        y = Dense(channels, name="out")(y).reshape(x.shape)
        return x + self.param("gamma", nn.initializers.zeros, (), jnp.float32) * y
