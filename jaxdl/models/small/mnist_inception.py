"""A small Inception net for MNIST."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import AvgPool, MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class InceptionA(nn.Module):
    """Four branches side by side, without activations (after Szegedy et al. 2016, 1512.00567).

    1x1 (a); 1x1 (a) - 5x5 (b); 1x1 (a) - 3x3 (b) - 3x3 (b); 3x3 mean - 1x1 (b), joined:
    `(B, H, W, C)` -> `(B, H, W, a + 3 b)`.
    """

    narrow: int = 16  # a
    wide: int = 24  # b

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(features: int, kernel: int, name: str) -> Conv:
            # LeCun's variance, 1 / fan_in, keeps the scale where no ReLU halves it.
            init = nn.initializers.lecun_normal()
            return Conv(features, kernel, padding=kernel // 2, kernel_init=init, name=name)

        one = conv(self.narrow, 1, "one")(x)
        five = conv(self.wide, 5, "five2")(conv(self.narrow, 1, "five1")(x))
        three = conv(self.wide, 3, "three2")(conv(self.narrow, 1, "three1")(x))
        three = conv(self.wide, 3, "three3")(three)
        pool = conv(self.wide, 1, "pool2")(AvgPool(3, 1, 1, name="pool1")(x))
        return jnp.concatenate([one, five, three, pool], axis=-1)


@register("mnist_inception")
class MNISTInception(nn.Module):
    """[conv(5) - pool - ReLU - inception] twice - linear, without padding in the 5x5.

    `(B, H, W, C)` -> logits `(B, num_classes)`; 28x28 flattens to 4 x 4 x 88 = 1408 values at the
    default widths.
    """

    num_classes: int
    filters: tuple[int, ...] = (10, 20)  # of the convolution before each inception block
    narrow: int = 16  # features of the 1x1 convolutions in a block
    wide: int = 24  # features of its other three branches

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MNISTInception: x", x, 4)
        out: Stages = {}
        block = partial(InceptionA, self.narrow, self.wide)
        for i, filters in enumerate(self.filters, 1):
            x = MaxPool(2, name=f"pool{i}")(Conv(filters, 5, name=f"conv{i}")(x))
            x = out[f"stage{i}"] = block(name=f"inception{i}")(nn.relu(x))
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x
