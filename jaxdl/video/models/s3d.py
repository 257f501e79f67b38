"""S3D: Inception over clips, with convolutions that are factored into space and time."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import AvgPool, MaxPool
from jaxdl.models.convnets.googlenet import TABLE
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef


class SeparableConv(nn.Module):
    """1 x k x k - norm - relu - k x 1 x 1 - norm - relu (Xie et al. 2018, arXiv 1712.04851)."""

    features: int
    kernel_size: int
    stride: int = 1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        k, s = self.kernel_size, self.stride
        unit = partial(ConvNorm, self.features, norm=self.norm)
        x = unit((1, k, k), (1, s, s), name="space")(x, train=train)
        return unit((k, 1, 1), (s, 1, 1), name="time")(x, train=train)


class SeparableInception(nn.Module):
    """Four branches, joined (arXiv 1712.04851, fig. 7): `(B, T, H, W, C)` -> their sum of widths.

    `widths` is from a row of GoogLeNet's table; both wide branches are 3 x 3 x 3.
    """

    widths: tuple[int, ...]
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        one, narrow3, three, narrow5, five, pool = self.widths
        unit = partial(ConvNorm, kernel_size=1, norm=self.norm)
        a = unit(one, name="one")(x, train=train)
        b = unit(narrow3, name="three1")(x, train=train)
        b = SeparableConv(three, 3, norm=self.norm, name="three2")(b, train=train)
        c = unit(narrow5, name="five1")(x, train=train)
        c = SeparableConv(five, 3, norm=self.norm, name="five2")(c, train=train)
        d = unit(pool, name="pool2")(MaxPool(3, 1, 1, name="pool1")(x), train=train)
        return jnp.concatenate([a, b, c, d], axis=-1)


class S3D(nn.Module):
    """Stem - inception blocks - means of windows - linear, averaged (arXiv 1712.04851).

    `(B, T, H, W, C)` -> logits `(B, num_classes)`, in the form of torchvision's weights; T at least
    14 and H, W at least 224, unless `window` is smaller.
    """

    num_classes: int
    dropout: float = 0.2
    window: tuple[int, ...] = (2, 7, 7)  # of the last map, whose means are classified
    stem: tuple[int, ...] = (64, 64, 192)  # features of the first three convolutions
    blocks: tuple[tuple[str, tuple[int, ...]], ...] = TABLE
    norm: ModuleDef = partial(BatchNorm, eps=1e-3, momentum=1e-3)

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("S3D: x", x, 5)
        out: Stages = {}
        pool = partial(MaxPool, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        x = SeparableConv(self.stem[0], 7, 2, self.norm, name="conv1")(x, train=train)
        x = out["conv1"] = pool(name="pool1")(x)
        x = ConvNorm(self.stem[1], 1, norm=self.norm, name="conv2")(x, train=train)
        x = SeparableConv(self.stem[2], 3, norm=self.norm, name="conv3")(x, train=train)
        x = out["conv3"] = pool(name="pool2")(x)
        for name, widths in self.blocks:
            if name == "inception4a":
                x = MaxPool(3, 2, 1, name="pool4_in")(x)
            if name == "inception5a":
                x = MaxPool(2, 2, name="pool5_in")(x)
            x = out[name] = SeparableInception(widths, self.norm, name=name)(x, train=train)
        x = AvgPool(self.window, 1, name="means")(x)
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        x = Conv(self.num_classes, 1, name="head")(x)
        out["logits"] = x.mean((1, 2, 3))
        return out if stages else out["logits"]
