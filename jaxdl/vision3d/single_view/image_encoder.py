"""A small convolutional encoder of pictures, with its maps."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, ModuleDef


class ImageEncoder(nn.Module):
    """Two 3x3 convolutions a level, the first of stride 2: `(B, H, W, C)` -> maps, finest first.

    Map i is `(B, H / 2^(i+1), W / 2^(i+1), features[i])`.
    """

    features: tuple[int, ...] = (16, 32, 64, 96)
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> list[Array]:
        check_rank("ImageEncoder: x", x, 4)
        maps = []
        for i, features in enumerate(self.features):
            x = ConvNorm(features, 3, 2, norm=self.norm, name=f"down{i}")(x, train=train)
            x = ConvNorm(features, 3, norm=self.norm, name=f"level{i}")(x, train=train)
            maps.append(x)
        return maps


class Aligned(nn.Module):
    """One map of the last three and of the mean of the last, `(B, H / 4, W / 4, features)`.

    relu(sum of 1x1 convolutions), each enlarged; that of the mean is for what is hidden.
    """

    features: int

    @nn.compact
    def __call__(self, maps: list[Array]) -> Array:
        size = maps[-3].shape[1], maps[-3].shape[2]
        whole = jnp.mean(maps[-1], axis=(1, 2), keepdims=True)
        total = Conv(self.features, 1, name="whole")(whole)
        for i, one in enumerate(maps[-3:]):
            y = Conv(self.features, 1, use_bias=False, name=f"map{i}")(one)
            total = total + resize(y, size)
        return nn.relu(total)


def pixels_as_input(image: Array) -> Array:
    """uint8 -> float32 in [-1, 1]."""
    return image.astype(jnp.float32) / 127.5 - 1
