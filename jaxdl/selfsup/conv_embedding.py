"""The small convolutional network that papers on few shots share."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.typing import Array, ModuleDef


class ConvEmbedding(nn.Module):
    """Blocks of convolution, norm, ReLU and 2x2 pooling (Vinyals et al. 2016, section 4.1).

    `(B, H, W, C)` -> `(B, D)`, what the last block leaves as one vector: 64 for four blocks of 64
    on 28x28 pixels. A block is not pooled where a side is down to one pixel.
    """

    features: tuple[int, ...] = (64, 64, 64, 64)
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("ConvEmbedding: x", x, 4)
        for i, width in enumerate(self.features):
            x = ConvNorm(width, norm=self.norm, name=f"block{i + 1}")(x, train=train)
            if min(x.shape[1:3]) > 1:
                x = MaxPool(2, name=f"pool{i + 1}")(x)
        return jnp.reshape(x, (len(x), -1))
