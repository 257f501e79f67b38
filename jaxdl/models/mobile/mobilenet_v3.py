"""MobileNet v3: inverted residuals with squeeze-and-excite and hard-swish, found by search."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.mobile.mobilenet import Act, scaled, slow_batch_norm
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.activation import hard_sigmoid, hard_swish
from jaxdl.typing import Array, ModuleDef


class SqueezeExcite(nn.Module):
    """x times a gate of every channel, from all channels' means (Hu et al. 2018, arXiv 1709.01507).

    `(B, H, W, C)` -> the same; `fc1` has `features`, `fc2` C. The gate is a hard sigmoid.
    """

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        gate = x.mean((1, 2), keepdims=True)
        gate = jax.nn.relu(Conv(self.features, 1, name="fc1")(gate))
        return x * hard_sigmoid(Conv(x.shape[-1], 1, name="fc2")(gate))


class SearchedResidual(RepeatedBlock):
    """1x1 to `inner` - depthwise - squeeze-and-excite - linear 1x1 (Howard et al. 2019, fig. 4).

    Added to x at stride 1 where shapes agree; `(B, H, W, C)` -> `(B, ceil(H / stride), ...,
    features)`. With `expanded` also what the depthwise convolution sees, `(B, H, W, inner)`.
    """

    features: int
    inner: int
    kernel_size: int = 3
    stride: int = 1
    excite: bool = False
    dilation: int = 1  # of the depthwise convolution
    act: Act = jax.nn.relu
    norm: ModuleDef = slow_batch_norm

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, expanded: bool = False
    ) -> Array | tuple[Array, Array]:
        unit = partial(ConvNorm, act=self.act, norm=self.norm)
        inner, y = self.inner, x
        if inner != x.shape[-1]:
            y = unit(inner, 1, name="expand")(y, train=train)
        wide_map = y
        size = self.kernel_size
        wide = partial(unit, groups=inner, dilation=self.dilation, name="depthwise")
        y = wide(inner, size, self.stride)(y, train=train)
        if self.excite:
            y = SqueezeExcite(scaled(inner // 4), name="excite")(y)
        y = unit(self.features, 1, act=None, name="project")(y, train=train)
        y = x + y if self.stride == 1 and x.shape == y.shape else y
        return (y, wide_map) if expanded else y


@register("mobilenet_v3_large")
class MobileNetV3(nn.Module):
    """3x3/2 conv - 15 residuals - 1x1 conv - mean - linear - dropout - linear.

    Howard et al. 2019, arXiv 1905.02244, table 1, as torchvision has it. `(B, H, W, C)` -> logits
    `(B, num_classes)`; stages `stem`, `block1` ... (strides 2, 4, 4, 8, 8, 8, 16 ...), `last`,
    `pooled`.
    """

    num_classes: int
    kernels: tuple[int, ...] = (3, 3, 3, 5, 5, 5, 3, 3, 3, 3, 3, 3, 5, 5, 5)  # of each block
    inner: tuple[int, ...] = (
        16, 64, 72, 72, 120, 120, 240, 200, 184, 184, 480, 672, 672, 960, 960,
    )  # features of its depthwise convolution  # fmt: skip
    features: tuple[int, ...] = (
        16, 24, 24, 40, 40, 40, 80, 80, 80, 80, 112, 112, 160, 160, 160,
    )  # that it gives  # fmt: skip
    excited: tuple[int, ...] = (4, 5, 6, 11, 12, 13, 14, 15)  # blocks with squeeze-and-excite
    halved: tuple[int, ...] = (2, 4, 7, 13)  # blocks of stride 2
    dilate_from: int = 0  # blocks from this one on keep the size, and spread instead (0: none)
    expanded: int = 0  # the block whose inner map is a stage, too, "expanded" (0: none)
    smooth_from: int = 7  # the first block with hard-swish; those before have ReLU
    stem: int = 16  # features of the first convolution
    hidden: int = 1280  # of the linear layer before the last
    width: float = 1.0  # factor on all features
    dropout: float = 0.2  # chance that an input of the last layer is dropped in training
    norm: ModuleDef = slow_batch_norm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MobileNetV3: x", x, 4)
        out: Stages = {}
        unit = partial(ConvNorm, act=hard_swish, norm=self.norm)
        x = out["stem"] = unit(scaled(self.stem * self.width), 3, 2, name="stem")(x, train=train)
        rows = zip(self.kernels, self.inner, self.features, strict=True)
        for i, (kernel, inner, features) in enumerate(rows, 1):
            dilated = 0 < self.dilate_from <= i
            block = SearchedResidual(
                scaled(features * self.width),
                scaled(inner * self.width),
                kernel,
                2 if i in self.halved and not dilated else 1,
                i in self.excited,
                2 if dilated else 1,
                hard_swish if i >= self.smooth_from else jax.nn.relu,
                self.norm,
                name=f"block{i}",
            )
            made: Any = block(x, train=train, expanded=i == self.expanded)
            if i == self.expanded:
                made, out["expanded"] = made
            x = out[f"block{i}"] = made
        x = out["last"] = unit(6 * x.shape[-1], 1, name="last")(x, train=train)
        x = out["pooled"] = x.mean((1, 2))
        if not self.num_classes:
            return out if stages else x
        x = hard_swish(nn.Dense(scaled(self.hidden * self.width), name="hidden")(x))
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("mobilenet_v3_small")
class MobileNetV3Small(MobileNetV3):
    """Eleven blocks, of half the features (table 2)."""

    kernels: tuple[int, ...] = (3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5)
    inner: tuple[int, ...] = (16, 72, 88, 96, 240, 240, 120, 144, 288, 576, 576)
    features: tuple[int, ...] = (16, 24, 24, 40, 40, 40, 48, 48, 96, 96, 96)
    excited: tuple[int, ...] = (1, 4, 5, 6, 7, 8, 9, 10, 11)
    halved: tuple[int, ...] = (1, 2, 4, 9)
    smooth_from: int = 4
    hidden: int = 1024
