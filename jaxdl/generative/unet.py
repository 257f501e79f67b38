"""What predicts the noise in images and in points, given the time step and perhaps a class."""

from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.layers.patches import from_patches, to_patches
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.layers.spatial_attention import SpatialAttention
from jaxdl.ops.position_encoding import sincos
from jaxdl.typing import Array

zeros = nn.initializers.zeros


@dataclass(frozen=True)
class UNetConfig:
    """The U-Net's widths."""

    features: int = 32
    """Channels of the finest level."""
    multipliers: tuple[int, ...] = (1, 2)
    """Channels of each level, times features; each is half as high and wide."""
    blocks: int = 1
    """Residual blocks a level."""
    patch: int = 1
    """Pixels a side that become the channels of one position."""


class Condition(nn.Module):
    """Time and class, or text, as one vector: `time (B,)`, `label (B,)` -> `(B, width)`.

    With `classes`, label `classes` stands for none. With `reader`, labels are what it makes
    vectors `(B, D)` of, such as the ids of words `(B, L)`.
    """

    width: int
    classes: int = 0
    reader: nn.Module | None = None

    @nn.compact
    def __call__(self, time: Array, label: Array | None, *, train: bool = False) -> Array:
        x = nn.Dense(self.width, name="time1")(sincos(time, self.width))
        x = nn.Dense(self.width, name="time2")(nn.silu(x))
        if label is None and (self.classes or self.reader):
            raise ValueError(f"Condition: classes = {self.classes} needs labels")
        if self.reader is not None:
            read = self.reader(label, train=train)
            x = x + nn.Dense(self.width, use_bias=False, name="label")(read)
        elif self.classes:
            hot = jax.nn.one_hot(label, self.classes + 1, dtype=jnp.float32)
            x = x + nn.Dense(self.width, use_bias=False, name="label")(hot)
        return nn.silu(x)


class TimedBlock(RepeatedBlock):
    """Norm - SiLU - 3x3 - plus the condition - norm - SiLU - 3x3, added to x (2006.11239, app. B).

    `x (B, H, W, C)`, `condition (B, E)` -> `(B, H, W, features)`.
    """

    features: int
    groups: int = 8

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        norm = partial(GroupNorm, groups=self.groups)
        y = Conv(self.features, 3, padding=1, name="conv1")(nn.silu(norm(name="norm1")(x)))
        y = y + nn.Dense(self.features, name="condition")(condition)[:, None, None]
        y = nn.silu(norm(name="norm2")(y))
        y = Conv(self.features, 3, padding=1, kernel_init=zeros, name="conv2")(y)
        if x.shape[-1] != self.features:
            x = Conv(self.features, 1, name="skip")(x)
        return x + y


class UNet(nn.Module):
    """Down, middle with attention, up, with skips (Ronneberger et al. 2015; Ho et al. 2020).

    `inputs["x"] (B, H, W, C)`, `inputs["time"] (B,)`, of a model with `classes` `inputs["label"]
    (B,)`, with a `reader` what that reads -> noise `(B, H, W, C)`. Each of `multipliers` is a level
    of so many times `features`, half as high and wide as the one before. `patch` x `patch` pixels
    become channels first, which makes the finest level so much smaller. The last layer starts at
    zero.
    """

    features: int = 32
    multipliers: tuple[int, ...] = (1, 2)
    blocks: int = 1
    patch: int = 1
    classes: int = 0
    groups: int = 8
    reader: nn.Module | None = None

    @nn.compact
    def __call__(self, inputs: dict[str, Array], *, train: bool) -> Array:
        x, channels = inputs["x"], inputs["x"].shape[-1]
        check_rank("UNet: x", x, 4)
        least = self.patch * 2 ** (len(self.multipliers) - 1)
        if x.shape[1] % least or x.shape[2] % least:
            raise ValueError(f"UNet: image sizes must be multiples of {least}, got {x.shape}")
        condition = Condition(4 * self.features, self.classes, self.reader, name="condition")(
            inputs["time"], inputs.get("label"), train=train
        )
        block = partial(TimedBlock, groups=self.groups)
        x = Conv(self.features, 3, padding=1, name="conv_in")(to_patches(x, self.patch))
        skips = [x]
        for i, times in enumerate(self.multipliers):
            if i:
                x = Conv(x.shape[-1], 3, 2, padding=1, name=f"down{i}")(x)
                skips.append(x)
            for j in range(self.blocks):
                x = block(times * self.features, name=f"down{i}_{j}")(x, condition)
                skips.append(x)
        norm = partial(GroupNorm, groups=self.groups)
        x = block(x.shape[-1], name="middle1")(x, condition)
        x = SpatialAttention(1, norm, name="attention")(x)
        x = block(x.shape[-1], name="middle2")(x, condition)
        for i, times in reversed(list(enumerate(self.multipliers))):
            for j in range(self.blocks + 1):
                x = jnp.concatenate([x, skips.pop()], axis=-1)
                x = block(times * self.features, name=f"up{i}_{j}")(x, condition)
            if i:
                x = x.repeat(2, axis=1).repeat(2, axis=2)
                x = Conv(x.shape[-1], 3, padding=1, name=f"up{i}")(x)
        x = nn.silu(norm(name="norm_out")(x))
        width = channels * self.patch**2
        x = Conv(width, 3, padding=1, kernel_init=zeros, name="conv_out")(x)
        return from_patches(x, self.patch)


class MLPDenoiser(nn.Module):
    """A perceptron for points: `inputs["x"] (B, D)`, `inputs["time"] (B,)` -> noise `(B, D)`.

    Each hidden layer is linear - plus the condition - SiLU.
    """

    hidden: tuple[int, ...] = (128, 128, 128)

    @nn.compact
    def __call__(self, inputs: dict[str, Array], *, train: bool) -> Array:
        x = inputs["x"]
        check_rank("PointDenoiser: x", x, 2)
        condition = Condition(self.hidden[0], name="condition")(inputs["time"], None)
        out = x.shape[-1]
        for i, width in enumerate(self.hidden, 1):
            given = nn.Dense(width, name=f"condition{i}")(condition)
            x = nn.silu(nn.Dense(width, name=f"fc{i}")(x) + given)
        return nn.Dense(out, name="out")(x)
