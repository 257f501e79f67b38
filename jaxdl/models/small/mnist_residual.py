"""A small residual net for MNIST."""

import flax.linen as nn

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class PlainResidualBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv(x)))), 3x3 with bias, no norm: `(B, H, W, C)` -> the same shape."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        features = x.shape[-1]
        y = nn.relu(Conv(features, 3, padding=1, name="conv1")(x))
        return nn.relu(x + Conv(features, 3, padding=1, name="conv2")(y))


@register("mnist_residual")
class MNISTResidual(nn.Module):
    """[conv(5) - ReLU - pool - residual block] twice - linear, without padding in the 5x5.

    `(B, H, W, C)` -> logits `(B, num_classes)`; 28x28 flattens to 4 x 4 x 32 = 512 values at the
    default widths.
    """

    num_classes: int
    filters: tuple[int, ...] = (16, 32)  # of each convolution and of the block after it

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MNISTResidual: x", x, 4)
        out: Stages = {}
        for i, filters in enumerate(self.filters, 1):
            x = MaxPool(2, name=f"pool{i}")(nn.relu(Conv(filters, 5, name=f"conv{i}")(x)))
            x = out[f"stage{i}"] = PlainResidualBlock(name=f"block{i}")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x
