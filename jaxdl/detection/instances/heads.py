"""What a region CNN says of regions that are cut out of the feature maps: class, box, mask, points.

He et al. 2017, arXiv 1703.06870, figure 4 (right) and section 5, as torchvision has them. R regions
of any number of pictures at once; class 0 is the background.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, ModuleDef


class BoxHead(nn.Module):
    """3x3 convolutions, linear layers with ReLU, then a class and a box for each class.

    `(R, h, w, C)` -> logits `(R, K + 1)`, offsets `(R, K + 1, 4)`. torchvision's first form has two
    linear layers and no convolution, its second (v2) four convolutions with norm, then one.
    """

    num_classes: int  # K, without the background
    hidden: tuple[int, ...] = (1024, 1024)  # features of the linear layers
    convs: int = 0
    conv_features: int = 256
    norm: ModuleDef | None = None

    @nn.compact
    def __call__(self, regions: Array, *, train: bool) -> tuple[Array, Array]:
        y = regions
        for i in range(1, self.convs + 1):
            y = ConvNorm(self.conv_features, norm=self.norm, name=f"conv{i}")(y, train=train)
        y = y.reshape(len(y), -1)
        for i, features in enumerate(self.hidden, 1):
            y = jax.nn.relu(nn.Dense(features, name=f"linear{i}")(y))
        small, smaller = (nn.initializers.normal(std) for std in (0.01, 0.001))
        logits = nn.Dense(self.num_classes + 1, kernel_init=small, name="class")(y)
        offsets = nn.Dense(4 * (self.num_classes + 1), kernel_init=smaller, name="box")(y)
        return logits, offsets.reshape(len(y), -1, 4)


class MaskHead(nn.Module):
    """3x3 convolutions, a transposed 2x2 one to twice the size, then a mask for each class.

    `(R, h, w, C)` -> logits `(R, 2 h, 2 w, K + 1)`.
    """

    num_classes: int
    convs: int = 4
    features: int = 256
    norm: ModuleDef | None = None

    @nn.compact
    def __call__(self, regions: Array, *, train: bool) -> Array:
        y = regions
        for i in range(1, self.convs + 1):
            y = ConvNorm(self.features, norm=self.norm, name=f"conv{i}")(y, train=train)
        y = jax.nn.relu(ConvTranspose(self.features, 2, stride=2, name="enlarge")(y))
        return Conv(self.num_classes + 1, 1, name="out")(y)


class PointHead(nn.Module):
    """3x3 convolutions, a transposed 4x4 one to twice the size, then twice that, bilinear.

    `(R, h, w, C)` -> logits `(R, 4 h, 4 w, P)`: where in the region each of P points is.
    """

    num_points: int
    convs: int = 8
    features: int = 512

    @nn.compact
    def __call__(self, regions: Array, *, train: bool) -> Array:
        y = regions
        unit = partial(ConvNorm, self.features, norm=None)
        for i in range(1, self.convs + 1):
            y = unit(name=f"conv{i}")(y, train=train)
        y = ConvTranspose(self.num_points, 4, stride=2, padding=1, name="out")(y)
        return resize(y, (2 * y.shape[1], 2 * y.shape[2]))


def of_pictures(regions: Array, count: int) -> Array:
    """`(B R, ...)` -> `(B, R, ...)`, `count` = B."""
    return jnp.reshape(regions, (count, -1, *regions.shape[1:]))
