"""Residual networks: ResNet, ResNeXt and wide ResNet."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef

Act = Callable[[Array], Array]


class BasicBlock(RepeatedBlock):
    """act(x + F(x)), F two 3x3 convolutions (He et al. 2016, arXiv 1512.03385, fig. 2).

    `(B, H, W, C)` -> `(B, ceil(H / stride), ceil(W / stride), features)`.
    """

    features: int
    stride: int = 1
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        conv = partial(Conv, self.features, use_bias=False)
        norm = partial(self.norm, train=train)
        # padding=1, not "SAME": at stride 2 that pads (0, 1), and torch's weights no longer fit.
        y = conv(3, self.stride, padding=1, name="conv1")(x)
        y = self.act(norm(name="norm1")(y))
        y = conv(3, padding=1, name="conv2")(y)
        y = norm(name="norm2", scale_init=nn.initializers.zeros)(y)  # F(x) starts at zero
        if x.shape != y.shape:
            x = norm(name="proj_norm")(conv(1, self.stride, name="proj")(x))
        return self.act(x + y)


class Bottleneck(RepeatedBlock):
    """act(x + F(x)), F 1x1 - 3x3 - 1x1, narrow or grouped inside (arXiv 1512.03385, fig. 5).

    `(B, H, W, C)` -> `(B, ceil(H / stride), ceil(W / stride), features)`. `stride_in` names the
    convolution that strides: "1x1" is the paper's first one, "3x3" that of torchvision's weights.
    Groups are ResNeXt's (Xie et al. 2017, arXiv 1611.05431).
    """

    features: int
    inner: int
    stride: int = 1
    groups: int = 1
    stride_in: str = "3x3"
    dilation: int = 1  # of the 3x3 convolution
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_one_of("Bottleneck: stride_in", self.stride_in, ("1x1", "3x3"))
        first, second = (self.stride, 1) if self.stride_in == "1x1" else (1, self.stride)
        conv = partial(Conv, use_bias=False)
        norm = partial(self.norm, train=train)
        y = self.act(norm(name="norm1")(conv(self.inner, 1, first, name="conv1")(x)))
        spread = self.dilation
        y = conv(self.inner, 3, second, spread, spread, groups=self.groups, name="conv2")(y)
        y = self.act(norm(name="norm2")(y))
        y = conv(self.features, 1, name="conv3")(y)
        y = norm(name="norm3", scale_init=nn.initializers.zeros)(y)  # F(x) starts at zero
        if x.shape != y.shape:
            x = conv(self.features, 1, self.stride, name="proj")(x)
            x = norm(name="proj_norm")(x)
        return self.act(x + y)


class ResNet(nn.Module):
    """7x7/2 conv - norm - act - 3x3/2 pool - stages of blocks - mean - linear (arXiv 1512.03385).

    `(B, H, W, C)` -> logits `(B, num_classes)`; stages `conv1` (stride 2), `stem` (4), `stage1` ...
    `stage4` (4, 8, 16, 32), `pooled`. Shortcuts that change shape are projections (option B).
    """

    num_classes: int
    blocks: tuple[int, ...] = (2, 2, 2, 2)  # blocks of each stage
    bottleneck: bool = False  # three-layer blocks, four times as wide outside as inside
    width: int = 64  # features of the stem; blocks of stage s have 2^(s-1) times as many
    groups: int = 1  # of the 3x3 convolution of a bottleneck
    group_width: int = 64  # at stage 1, inside a bottleneck, for width 64
    stride_in: str = "3x3"  # where a bottleneck strides: 3x3, or 1x1 as in the paper
    small: bool = False  # for small images: the stem is a 3x3 convolution without stride or pool
    stem_stride: int = 0  # of the first convolution (0: 2, or 1 for small images)
    dilate_from: int = 5  # stages of bottlenecks from this one on keep the size, and spread instead
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("ResNet: x", x, 4)
        out: Stages = {}
        kernel, stride = (3, 1) if self.small else (7, 2)
        stride = self.stem_stride or stride
        x = Conv(self.width, kernel, stride, padding=kernel // 2, use_bias=False, name="conv1")(x)
        x = out["conv1"] = self.act(self.norm(train=train, name="norm1")(x))
        if not self.small:
            x = out["stem"] = MaxPool(3, 2, 1, name="pool1")(x)
        for stage, count in enumerate(self.blocks, 1):
            for i in range(1, count + 1):
                x = self.block(stage, i)(x, train=train)
            out[f"stage{stage}"] = x
        x = out["pooled"] = x.mean((1, 2))
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x

    @nn.nowrap
    def block(self, stage: int, i: int) -> nn.Module:
        """Block `i` of a stage; where it is to keep the size, dilation in place of its stride."""
        features, name = self.width * 2 ** (stage - 1), f"stage{stage}_block{i}"
        stride = 2 if i == 1 and 1 < stage < self.dilate_from else 1
        if not self.bottleneck:
            if self.dilate_from <= len(self.blocks):
                raise ValueError("ResNet: dilate_from is for networks of bottlenecks")
            return BasicBlock(features, stride, act=self.act, norm=self.norm, name=name)
        return Bottleneck(
            4 * features,
            features * self.group_width // 64 * self.groups,
            stride,
            self.groups,
            self.stride_in,
            # torchvision's: the first block of a stage has the dilation of the stage before.
            2 ** max(0, stage - self.dilate_from + (i > 1)),
            act=self.act,
            norm=self.norm,
            name=name,
        )


@register("resnet18")
class ResNet18(ResNet):
    """18 layers; ImageNet top-5 error 10.92 % in the notes."""


@register("resnet34")
class ResNet34(ResNet):
    """34 layers; 8.58 %."""

    blocks: tuple[int, ...] = (3, 4, 6, 3)


@register("resnet50")
class ResNet50(ResNet34):
    """50 layers, the stride in the 3x3 (4.1 GFLOPs); 7.13 %."""

    bottleneck: bool = True


@register("resnet101")
class ResNet101(ResNet50):
    """101 layers; 6.44 %."""

    blocks: tuple[int, ...] = (3, 4, 23, 3)


@register("resnet152")
class ResNet152(ResNet50):
    """152 layers; 5.94 %."""

    blocks: tuple[int, ...] = (3, 8, 36, 3)


@register("resnet50_paper")
class ResNet50Paper(ResNet50):
    """50 layers, the stride in the first 1x1 (3.9 GFLOPs)."""

    stride_in: str = "1x1"


@register("resnet101_paper")
class ResNet101Paper(ResNet101):
    """101 layers, the stride in the first 1x1."""

    stride_in: str = "1x1"


@register("resnet152_paper")
class ResNet152Paper(ResNet152):
    """152 layers, the stride in the first 1x1."""

    stride_in: str = "1x1"


@register("resnext50_32x4d")
class ResNeXt50(ResNet50):
    """32 groups of 4 features at stage 1 (arXiv 1611.05431)."""

    groups: int = 32
    group_width: int = 4


@register("resnext101_32x8d")
class ResNeXt101(ResNet101):
    """32 groups of 8 features at stage 1."""

    groups: int = 32
    group_width: int = 8


@register("wide_resnet50_2")
class WideResNet50(ResNet50):
    """Twice as wide inside the blocks (Zagoruyko & Komodakis 2016, arXiv 1605.07146)."""

    group_width: int = 128


@register("wide_resnet101_2")
class WideResNet101(ResNet101):
    """Twice as wide inside the blocks."""

    group_width: int = 128


@register("cifar_resnet20")
class CIFARResNet20(ResNet):
    """20 layers for 32x32 images (arXiv 1512.03385, section 4.2, with projections)."""

    blocks: tuple[int, ...] = (3, 3, 3)
    width: int = 16
    small: bool = True


@register("cifar_resnet56")
class CIFARResNet56(CIFARResNet20):
    """56 layers for 32x32 images."""

    blocks: tuple[int, ...] = (9, 9, 9)
