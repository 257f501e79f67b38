"""Convolutions and pools, one after another, over images or over clips."""

import flax.linen as nn

from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef


class ConvStack(nn.Module):
    """3x3 conv - norm - ReLU - max pool, layer by layer; 3x3x3 over clips `(B, T, H, W, C)`.

    `(B, ..., C)` -> stages `conv1`, `pool1`, `conv2`, ... A pool of 1 is none.
    """

    features: tuple[int, ...]
    pools: tuple[int, ...]
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Stages:
        if len(self.features) != len(self.pools):
            raise ValueError(
                f"ConvStack: features and pools must be one per layer, got {self.features} and "
                f"{self.pools}"
            )
        out: Stages = {}
        for i, (features, pool) in enumerate(zip(self.features, self.pools, strict=True), 1):
            x = ConvNorm(features, norm=self.norm, name=f"conv{i}")(x, train=train)
            out[f"conv{i}"] = x
            if pool > 1:
                x = out[f"pool{i}"] = MaxPool(pool, name=f"pool{i}")(x)
        return out


def last(stages: Stages) -> Array:
    """What the last layer gave."""
    return list(stages.values())[-1]


def frames_as_images(clips: Array) -> Array:
    """`(B, T, H, W, C)` -> `(B T, H, W, C)`."""
    return clips.reshape(-1, *clips.shape[2:])


def frames_as_channels(clips: Array) -> Array:
    """`(B, T, H, W, C)` -> `(B, H, W, T C)`, the channels of a frame side by side."""
    b, t, h, w, c = clips.shape
    return clips.transpose(0, 2, 3, 1, 4).reshape(b, h, w, t * c)
