"""Depth and normals of every pixel from one picture, by convolutions alone."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.ops.resize import resize
from jaxdl.typing import Array


class Scene(NamedTuple):
    """What is said of each pixel."""

    log_depth: Array  # (B, H, W)
    normals: Array  # (B, H, W, 3), unit


class DepthNet(nn.Module):
    """A fully convolutional network for two tasks (after Eigen & Fergus 2015, arXiv 1411.4734).

    `(B, H, W, 3)` -> `Scene`. Each width after the first stands for half the resolution; on the way
    back 1x1 convolutions add what was seen there (Long et al. 2015, arXiv 1411.4038, section 4.2).
    H and W are multiples of 2^(len(widths) - 1).
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Scene:
        check_rank("DepthNet: image", x, 4)
        least = 2 ** (len(self.widths) - 1)
        if any(side % least for side in x.shape[1:3]):
            raise ValueError(
                f"DepthNet: image {x.shape[1]}x{x.shape[2]} must divide by {least}; resize it first"
            )
        seen = []
        for i, width in enumerate(self.widths):
            x = ConvNorm(width, stride=2 if i else 1, name=f"down{i}")(x, train=train)
            seen.append(x)
        for i, width in reversed(list(enumerate(self.widths[:-1]))):
            x = ConvNorm(width, name=f"up{i}")(x, train=train)
            x = resize(x, seen[i].shape[1:3]) + Conv(width, 1, name=f"skip{i}")(seen[i])
        x = ConvNorm(self.widths[0], name="out")(x, train=train)
        x = Conv(4, 1, name="scene")(x)
        normals = x[..., 1:]
        length = jnp.sqrt(jnp.sum(normals**2, axis=-1, keepdims=True) + 1e-12)
        return Scene(x[..., 0], normals / length)
