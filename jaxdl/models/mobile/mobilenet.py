"""MobileNet v1 and v2: depthwise separable convolutions and inverted residuals."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import flax.linen as nn
import jax

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.drop import DropPath
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef

Act = Callable[[Array], Array]
PADDINGS = ("auto", "symmetric", "same")
slow_batch_norm = partial(BatchNorm, momentum=0.01, eps=1e-3)  # of TensorFlow's mobile networks


def conv_padding(who: str, padding: str, default: str = "symmetric") -> Literal["same"] | None:
    """What `ConvNorm` takes for a model's option `padding`; UsageError for another word."""
    check_one_of(f"{who}: padding", padding, PADDINGS)
    padding = default if padding == "auto" else padding
    return "same" if padding == "same" else None


def scaled(features: float, multiple: int = 8) -> int:
    """`features` rounded to a multiple, up where rounding would lose more than a tenth."""
    rounded = max(multiple, int(features + multiple / 2) // multiple * multiple)
    return rounded + multiple * (rounded < 0.9 * features)


class Separable(nn.Module):
    """A 3x3 convolution of each channel, then a 1x1 across them (Howard et al. 2017, 1704.04861).

    `(B, H, W, C)` -> `(B, ceil(H / stride), ceil(W / stride), features)`.
    """

    features: int
    stride: int = 1
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        unit = partial(ConvNorm, act=self.act, norm=self.norm)
        channels = x.shape[-1]
        x = unit(channels, 3, self.stride, groups=channels, name="depthwise")(x, train=train)
        return unit(self.features, 1, name="pointwise")(x, train=train)


class InvertedResidual(RepeatedBlock):
    """1x1 to `expansion` C - 3x3 of each channel - linear 1x1 (Sandler et al. 2018, 1801.04381).

    Added to x where shapes agree, but for rows that training drops with the chance `drop_path`;
    `(B, H, W, C)` -> `(B, ceil(H / stride), ..., features)`.
    """

    features: int
    stride: int = 1
    expansion: int = 6
    act: Act = jax.nn.relu6
    norm: ModuleDef = BatchNorm
    kernel_size: int = 3
    padding: Literal["same"] | None = None
    drop_path: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        unit = partial(ConvNorm, act=self.act, norm=self.norm, padding=self.padding)
        inner, size, y = x.shape[-1] * self.expansion, self.kernel_size, x
        if self.expansion != 1:
            y = unit(inner, 1, name="expand")(y, train=train)
        y = unit(inner, size, self.stride, groups=inner, name="depthwise")(y, train=train)
        y = unit(self.features, 1, act=None, name="project")(y, train=train)
        if x.shape != y.shape:
            return y
        return x + DropPath(self.drop_path, deterministic=not train, name="drop_path")(y)


@register("mobilenet_v1")
class MobileNetV1(nn.Module):
    """3x3/2 conv - 13 separable convolutions - mean - dropout - linear (arXiv 1704.04861, table 1).

    `(B, H, W, C)` -> logits `(B, num_classes)`; stages `stem`, `stage1` ... `stage5` (strides 2 to
    32), `pooled`.
    """

    num_classes: int
    features: tuple[int, ...] = (64, 128, 256, 512, 1024)  # of each stage
    repeats: tuple[int, ...] = (1, 2, 2, 6, 2)  # convolutions of each stage
    strides: tuple[int, ...] = (1, 2, 2, 2, 2)  # of each stage's first convolution
    stem: int = 32  # features of the first convolution
    stem_stride: int = 2  # and its stride
    width: float = 1.0  # factor on all features
    dropout: float = 0.0  # chance that an input of the last layer is dropped in training
    act: Act = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MobileNetV1: x", x, 4)
        out: Stages = {}
        unit = partial(ConvNorm, act=self.act, norm=self.norm)
        stem = scaled(self.stem * self.width)
        x = out["stem"] = unit(stem, 3, self.stem_stride, name="stem")(x, train=train)
        table = zip(self.features, self.repeats, self.strides, strict=True)
        for stage, (features, repeats, stride) in enumerate(table, 1):
            for i in range(1, repeats + 1):
                block = Separable(
                    scaled(features * self.width),
                    stride if i == 1 else 1,
                    self.act,
                    self.norm,
                    name=f"stage{stage}_block{i}",
                )
                x = block(x, train=train)
            out[f"stage{stage}"] = x
        return classify(self, x, out, train, stages)


@register("mobilenet_v2")
class MobileNetV2(nn.Module):
    """3x3/2 conv - 17 inverted residuals - 1x1 conv - mean - dropout - linear (arXiv 1801.04381).

    `(B, H, W, C)` -> logits `(B, num_classes)`; stages `stem`, `stage1` ... `stage7` (strides 2, 4,
    8, 16, 16, 32, 32), `last` (1280 features), `pooled`.
    """

    num_classes: int
    expansions: tuple[int, ...] = (1, 6, 6, 6, 6, 6, 6)  # of the blocks of each stage (table 2)
    features: tuple[int, ...] = (16, 24, 32, 64, 96, 160, 320)  # that they give
    repeats: tuple[int, ...] = (1, 2, 3, 4, 3, 3, 1)  # blocks of each stage
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block
    stem: int = 32  # features of the first convolution
    stem_stride: int = 2  # and its stride
    last: int = 1280  # features of the last convolution
    width: float = 1.0  # factor on all features, on the last ones where it is above 1
    dropout: float = 0.2  # chance that an input of the last layer is dropped in training
    padding: str = "auto"  # symmetric, as torch pads (auto: that); same, as TensorFlow
    act: Act = jax.nn.relu6
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MobileNetV2: x", x, 4)
        out: Stages = {}
        padding = conv_padding("MobileNetV2", self.padding)
        unit = partial(ConvNorm, act=self.act, norm=self.norm, padding=padding)
        stem = scaled(self.stem * self.width)
        x = out["stem"] = unit(stem, 3, self.stem_stride, name="stem")(x, train=train)
        table = zip(self.expansions, self.features, self.repeats, self.strides, strict=True)
        for stage, (expansion, features, repeats, stride) in enumerate(table, 1):
            for i in range(1, repeats + 1):
                block = InvertedResidual(
                    scaled(features * self.width),
                    stride if i == 1 else 1,
                    expansion,
                    self.act,
                    self.norm,
                    padding=padding,
                    name=f"stage{stage}_block{i}",
                )
                x = block(x, train=train)
            out[f"stage{stage}"] = x
        last = scaled(self.last * max(1.0, self.width))
        x = out["last"] = unit(last, 1, name="last")(x, train=train)
        return classify(self, x, out, train, stages)


def classify(model: Any, x: Array, out: Stages, train: bool, stages: bool) -> Array | Stages:
    """The end of these models: mean, dropout and, where there are classes, a linear layer."""
    x = out["pooled"] = x.mean((1, 2))
    x = nn.Dropout(model.dropout, deterministic=not train, name="drop")(x)
    if model.num_classes:
        x = out["logits"] = nn.Dense(model.num_classes, name="head")(x)
    return out if stages else x
