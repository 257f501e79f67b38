"""EfficientNet-Lite 0 to 4: EfficientNets without squeeze-and-excite, with ReLU6, for phones."""

import math
from functools import partial

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.models.mobile.mobilenet import (
    Act,
    InvertedResidual,
    classify,
    conv_padding,
    scaled,
    slow_batch_norm,
)
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef


@register("efficientnet_lite0")
class EfficientNetLite(nn.Module):
    """3x3/2 conv - 7 stages of inverted residuals - 1x1 conv - mean - dropout - linear.

    EfficientNet (Tan & Le 2019, arXiv 1905.11946, table 1) as TensorFlow's Lite builder changed it:
    ReLU6, no squeeze-and-excite, stem, head and the repeats of the first and the last stage not
    scaled; padding is TensorFlow's SAME, and the norms' epsilon 1e-3. `(B, H, W, C)` -> logits
    `(B, num_classes)`; stages `stem`, `stage1` ... `stage7` (strides 2, 4, 8, 16, 16, 32, 32),
    `last` (1280 features), `pooled`.
    """

    num_classes: int
    kernels: tuple[int, ...] = (3, 3, 5, 3, 5, 5, 3)  # sizes of each stage's kernels
    expansions: tuple[int, ...] = (1, 6, 6, 6, 6, 6, 6)  # of its blocks
    features: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)  # that they give
    repeats: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block
    stem: int = 32  # features of the first convolution
    last: int = 1280  # features of the last convolution
    width: float = 1.0  # factor on the features of the stages
    depth: float = 1.0  # factor on the repeats of the inner stages
    dropout: float = 0.2  # chance that an input of the last layer is dropped in training
    drop_path: float = 0.2  # chance of the last block's branch, growing from 0 at the first
    padding: str = "auto"  # same, as TensorFlow pads (auto: that); symmetric, as torch
    act: Act = jax.nn.relu6
    norm: ModuleDef = slow_batch_norm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("EfficientNetLite: x", x, 4)
        out: Stages = {}
        padding = conv_padding("EfficientNetLite", self.padding, default="same")
        unit = partial(ConvNorm, act=self.act, norm=self.norm, padding=padding)
        x = out["stem"] = unit(self.stem, 3, 2, name="stem")(x, train=train)
        table = self.stage_table()
        blocks, at = sum(repeats for *_, repeats in table), 0
        for stage, (kernel, expansion, features, stride, repeats) in enumerate(table, 1):
            for i in range(1, repeats + 1):
                block = InvertedResidual(
                    features,
                    stride if i == 1 else 1,
                    expansion,
                    self.act,
                    self.norm,
                    kernel_size=kernel,
                    padding=padding,
                    drop_path=self.drop_path * at / blocks,
                    name=f"stage{stage}_block{i}",
                )
                x, at = block(x, train=train), at + 1
            out[f"stage{stage}"] = x
        x = out["last"] = unit(self.last, 1, name="last")(x, train=train)
        return classify(self, x, out, train, stages)

    def stage_table(self) -> list[tuple[int, int, int, int, int]]:
        """Kernel size, expansion, features, stride and repeats of each stage."""
        features = [scaled(f * self.width) for f in self.features]
        inner = [math.ceil(r * self.depth) for r in self.repeats]
        repeats = [self.repeats[0], *inner[1:-1], self.repeats[-1]]
        rows = (self.kernels, self.expansions, features, self.strides, repeats)
        return list(zip(*rows, strict=True))


@register("efficientnet_lite1")
class EfficientNetLite1(EfficientNetLite):
    """Deeper; for images of 240 pixels."""

    depth: float = 1.1


@register("efficientnet_lite2")
class EfficientNetLite2(EfficientNetLite):
    """Wider and deeper; for images of 260 pixels."""

    width: float = 1.1
    depth: float = 1.2
    dropout: float = 0.3


@register("efficientnet_lite3")
class EfficientNetLite3(EfficientNetLite):
    """For images of 280 pixels."""

    width: float = 1.2
    depth: float = 1.4
    dropout: float = 0.3


@register("efficientnet_lite4")
class EfficientNetLite4(EfficientNetLite):
    """For images of 300 pixels."""

    width: float = 1.4
    depth: float = 1.8
    dropout: float = 0.3
