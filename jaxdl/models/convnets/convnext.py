"""ConvNeXt: a convolutional network with the habits of vision Transformers."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.drop import DropPath
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.activation import gelu_exact
from jaxdl.typing import Array

small = nn.initializers.truncated_normal(0.02)
LayerNorm = partial(nn.LayerNorm, epsilon=1e-6, use_fast_variance=False)


class ConvNeXtBlock(RepeatedBlock):
    """x + scale F(x): depthwise 7x7 - norm - linear to 4 C - GELU - linear to C: `(B, H, W, C)`.

    `scale`, one number a channel, starts at `layer_scale`; training drops a row's branch with the
    chance `drop_path` (Liu et al. 2022, arXiv 2201.03545, figure 4).
    """

    layer_scale: float = 1e-6
    drop_path: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        channels = x.shape[-1]
        depthwise = partial(Conv, channels, 7, padding=3, groups=channels, kernel_init=small)
        y = LayerNorm(name="norm", dtype=x.dtype)(depthwise(name="conv")(x))
        dense = partial(nn.Dense, kernel_init=small, dtype=x.dtype)
        y = gelu_exact(dense(4 * channels, name="fc1")(y))
        y = dense(channels, name="fc2")(y)
        start = nn.initializers.constant(self.layer_scale)
        scale = self.param("layer_scale", start, (channels,), jnp.float32).astype(x.dtype)
        y = y * scale[None, None, None]
        return x + DropPath(self.drop_path, deterministic=not train, name="drop_path")(y)


@register("convnext_tiny")
class ConvNeXt(nn.Module):
    """4x4/4 conv - four stages with norm and 2x2/2 conv between - mean - norm - linear.

    Liu et al. 2022, arXiv 2201.03545, section 2 and table 9. `(B, H, W, C)` -> logits
    `(B, num_classes)`; stages `stem`, `stage1` ... `stage4` (strides 4, 8, 16, 32), `pooled`.
    """

    num_classes: int
    blocks: tuple[int, ...] = (3, 3, 9, 3)  # of each stage
    features: tuple[int, ...] = (96, 192, 384, 768)  # of each stage
    drop_path: float = 0.1  # chance of the last block's branch, growing from 0 at the first
    layer_scale: float = 1e-6  # start of the factor of each branch

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("ConvNeXt: x", x, 4)
        out: Stages = {}
        conv = partial(Conv, kernel_init=small)
        norm = partial(LayerNorm, dtype=x.dtype)
        x = conv(self.features[0], 4, 4, name="stem")(x)
        x = out["stem"] = norm(name="stem_norm")(x)
        count, at = sum(self.blocks), 0
        for stage, (blocks, features) in enumerate(zip(self.blocks, self.features, strict=True), 1):
            if stage > 1:
                x = conv(features, 2, 2, name=f"down{stage}")(norm(name=f"down{stage}_norm")(x))
            for i in range(1, blocks + 1):
                rate = self.drop_path * at / max(count - 1, 1)
                block = ConvNeXtBlock(self.layer_scale, rate, name=f"stage{stage}_block{i}")
                x, at = block(x, train=train), at + 1
            out[f"stage{stage}"] = x
        x = out["pooled"] = norm(name="norm")(x.mean((1, 2)))
        if self.num_classes:
            x = nn.Dense(self.num_classes, kernel_init=small, name="head")(x)
            out["logits"] = x
        return out if stages else x


@register("convnext_small")
class ConvNeXtSmall(ConvNeXt):
    """Three times as deep in the third stage."""

    blocks: tuple[int, ...] = (3, 3, 27, 3)
    drop_path: float = 0.4


@register("convnext_base")
class ConvNeXtBase(ConvNeXtSmall):
    """And a third wider."""

    features: tuple[int, ...] = (128, 256, 512, 1024)
    drop_path: float = 0.5
