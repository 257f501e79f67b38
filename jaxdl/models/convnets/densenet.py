"""DenseNet: every layer sees the features of all layers before it."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import AvgPool, MaxPool
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef

Act = Callable[[Array], Array]


class DenseLayer(RepeatedBlock):
    """norm - act - 1x1 conv - norm - act - 3x3 conv: `(B, H, W, C)` -> the new `(B, H, W, growth)`.

    Huang et al. 2017, arXiv 1608.06993, the bottleneck of DenseNet-B.
    """

    growth: int
    bottleneck: int = 4
    dropout: float = 0.0
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        conv = partial(Conv, use_bias=False)
        norm = partial(self.norm, train=train)
        x = self.act(norm(name="norm1")(x))
        x = conv(self.bottleneck * self.growth, 1, name="conv1")(x)
        x = self.act(norm(name="norm2")(x))
        x = conv(self.growth, 3, padding=1, name="conv2")(x)
        return nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)


class DenseNet(nn.Module):
    """7x7/2 conv - norm - act - 3x3/2 pool - dense blocks - norm - act - mean - linear.

    Huang et al. 2017, arXiv 1608.06993. Between two blocks a transition (norm - act - 1x1 conv to
    half the features - 2x2 mean) halves the image. `(B, H, W, C)` -> logits `(B, num_classes)`;
    stages `conv1`, `stem`, `stage1` ... (each block's output, strides 4, 8, 16, 32), `pooled`.
    """

    num_classes: int
    blocks: tuple[int, ...] = (6, 12, 24, 16)  # layers of each dense block
    growth: int = 32  # features that each layer adds
    width: int = 64  # features of the stem
    bottleneck: int = 4  # features of a layer's 1x1 convolution, in units of growth
    dropout: float = 0.0  # chance that a new feature is dropped in training
    small: bool = False  # for small images: the stem is a 3x3 convolution alone
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("DenseNet: x", x, 4)
        out: Stages = {}
        conv = partial(Conv, use_bias=False)
        norm = partial(self.norm, train=train)
        layer = partial(DenseLayer, self.growth, self.bottleneck, self.dropout, self.act, self.norm)
        if self.small:
            x = out["conv1"] = conv(self.width, 3, padding=1, name="conv1")(x)
        else:
            x = conv(self.width, 7, 2, 3, name="conv1")(x)
            x = out["conv1"] = self.act(norm(name="norm1")(x))
            x = out["stem"] = MaxPool(3, 2, 1, name="pool1")(x)
        for stage, count in enumerate(self.blocks, 1):
            if stage > 1:
                last = f"transition{stage - 1}"
                x = self.act(norm(name=f"{last}_norm")(x))
                x = conv(x.shape[-1] // 2, 1, name=f"{last}_conv")(x)
                x = AvgPool(2, name=f"{last}_pool")(x)
            for i in range(1, count + 1):
                new = layer(name=f"stage{stage}_layer{i}")(x, train=train)
                x = jnp.concatenate([x, new], axis=-1)
            out[f"stage{stage}"] = x
        x = self.act(norm(name="norm")(x))
        x = out["pooled"] = x.mean((1, 2))
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("densenet121")
class DenseNet121(DenseNet):
    """121 layers."""


@register("densenet169")
class DenseNet169(DenseNet):
    """169 layers."""

    blocks: tuple[int, ...] = (6, 12, 32, 32)


@register("densenet201")
class DenseNet201(DenseNet):
    """201 layers."""

    blocks: tuple[int, ...] = (6, 12, 48, 32)


@register("cifar_densenet100")
class CIFARDenseNet100(DenseNet):
    """DenseNet-BC of 100 layers and growth 12 for 32x32 images (0.8 M parameters, section 4.2)."""

    blocks: tuple[int, ...] = (16, 16, 16)
    growth: int = 12
    width: int = 24
    small: bool = True


@register("cifar_densenet40")
class CIFARDenseNet40(CIFARDenseNet100):
    """DenseNet-BC of 40 layers and growth 12 for 32x32 images."""

    blocks: tuple[int, ...] = (6, 6, 6)
