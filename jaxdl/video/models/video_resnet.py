"""Residual networks over clips: R3D, MC3 and R(2+1)D."""

from functools import partial

import flax.linen as nn

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef

KINDS = ("3d", "2d", "2+1d")


class FactoredConv(nn.Module):
    """3x3x3, 1x3x3, or 1x3x3 - norm - relu - 3x1x1 with as many parameters as 3x3x3.

    Tran et al. 2018, arXiv 1711.11248, fig. 1 and section 3.5. `(B, T, H, W, C)` -> `(B, T', H',
    W', features)`; time strides too, but in 2d. `inner` is the width between the two of 2+1d.
    """

    features: int
    kind: str
    inner: int
    stride: int = 1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_one_of("FactoredConv: kind", self.kind, KINDS)
        conv, s = partial(Conv, use_bias=False), self.stride
        if self.kind == "3d":
            return conv(self.features, 3, s, padding=1, name="conv")(x)
        flat = partial(conv, kernel_size=(1, 3, 3), stride=(1, s, s), padding=(0, 1, 1))
        if self.kind == "2d":
            return flat(self.features, name="conv")(x)
        x = flat(self.inner, name="space")(x)
        x = nn.relu(self.norm(train=train, name="norm")(x))
        return conv(self.features, (3, 1, 1), (s, 1, 1), padding=(1, 0, 0), name="conv")(x)


class ClipBlock(RepeatedBlock):
    """relu(x + F(x)), F two `FactoredConv`s; the shortcut is projected where shapes differ.

    `(B, T, H, W, C)` -> `(B, T', H', W', features)`.
    """

    features: int
    kind: str
    stride: int = 1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        channels, f, s = x.shape[-1], self.features, self.stride
        inner = channels * f * 27 // (channels * 9 + 3 * f)
        norm = partial(self.norm, train=train)
        y = FactoredConv(f, self.kind, inner, s, self.norm, name="conv1")(x, train=train)
        y = nn.relu(norm(name="norm1")(y))
        y = FactoredConv(f, self.kind, inner, 1, self.norm, name="conv2")(y, train=train)
        y = norm(name="norm2")(y)
        if s != 1 or channels != f:
            strides = (1 if self.kind == "2d" else s, s, s)
            x = norm(name="proj_norm")(Conv(f, 1, strides, use_bias=False, name="proj")(x))
        return nn.relu(x + y)


class VideoResNet(nn.Module):
    """A stem, four stages of blocks, the mean, a linear layer (arXiv 1711.11248, fig. 1).

    `(B, T, H, W, C)` -> logits `(B, num_classes)`, in the form of torchvision's weights.
    """

    num_classes: int
    kinds: tuple[str, ...] = ("3d", "3d", "3d", "3d")  # of each stage's convolutions
    stem: str = "3d"  # 3x7x7, or 2+1d: 1x7x7 - norm - relu - 3x1x1
    blocks: tuple[int, ...] = (2, 2, 2, 2)  # of each stage
    width: int = 64  # features of the stem; stage s has 2^(s-1) times as many
    stem_inner: int = 45  # features between the two of a 2+1d stem
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("VideoResNet: x", x, 5)
        check_one_of("VideoResNet: stem", self.stem, ("3d", "2+1d"))
        norm, conv = partial(self.norm, train=train), partial(Conv, use_bias=False)
        strides = (1, 2, 2)
        if self.stem == "2+1d":
            x = conv(self.stem_inner, (1, 7, 7), strides, (0, 3, 3), name="stem_space")(x)
            x = nn.relu(norm(name="stem_space_norm")(x))
            x = conv(self.width, (3, 1, 1), padding=(1, 0, 0), name="stem_conv")(x)
        else:
            x = conv(self.width, (3, 7, 7), strides, (1, 3, 3), name="stem_conv")(x)
        x = nn.relu(norm(name="stem_norm")(x))
        out: Stages = {"stem": x}
        for stage, (count, kind) in enumerate(zip(self.blocks, self.kinds, strict=True), 1):
            features = self.width * 2 ** (stage - 1)
            for i in range(1, count + 1):
                stride = 2 if stage > 1 and i == 1 else 1
                block = ClipBlock(features, kind, stride, self.norm, name=f"stage{stage}_block{i}")
                x = block(x, train=train)
            out[f"stage{stage}"] = x
        x = out["pooled"] = x.mean((1, 2, 3))
        out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else out["logits"]


class R3D18(VideoResNet):
    """All convolutions 3x3x3."""


class MC318(VideoResNet):
    """The first stage 3x3x3, the others 1x3x3."""

    kinds: tuple[str, ...] = ("3d", "2d", "2d", "2d")


class R2Plus1D18(VideoResNet):
    """All convolutions factored into space and time."""

    kinds: tuple[str, ...] = ("2+1d", "2+1d", "2+1d", "2+1d")
    stem: str = "2+1d"
