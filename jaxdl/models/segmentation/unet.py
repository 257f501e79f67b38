"""U-Net: a class for each pixel from what is seen at all sizes."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.layers.upsample import Upsample
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, ModuleDef


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each with norm and activation: `(B, H, W, C)` -> `(..., features)`."""

    features: int
    stride: int = 1  # of the first one
    act: Callable[[Array], Array] = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        for i, stride in enumerate((self.stride, 1), 1):
            unit = ConvNorm(self.features, 3, stride, act=self.act, norm=self.norm, name=f"conv{i}")
            x = unit(x, train=train)
        return x


@register("unet")
class UNet(nn.Module):
    """Down by pools, up beside what was seen on the way (Ronneberger et al. 2015, 1505.04597).

    `(B, H, W, C)` -> logits `(B, H, W, num_classes)`; stages `down1` ... (strides 1, 2, ...),
    `up1` .... With `stem_stride` all strides are so many times as large, but for the logits'.
    Convolutions keep the size and have norms, unlike the paper's. Where a size is odd, the way up
    repeats its last row or column.
    """

    num_classes: int
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)  # features at each size, the finest first
    up: str = "transposed"  # how a map is enlarged, see `Upsample`
    stem_stride: int = 1  # of the first convolution; the logits are enlarged as much
    dropout: float = 0.0  # chance that a channel of the coarsest map is dropped in training
    act: Callable[[Array], Array] = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("UNet: x", x, 4)
        size, least = x.shape[1:3], self.stem_stride * 2 ** (len(self.widths) - 1)
        if min(size) < least:
            raise ValueError(f"UNet: images must have {least} pixels a side or more, got {size}")
        out: Stages = {}
        for i, width in enumerate(self.widths, 1):
            if i > 1:
                x = MaxPool(2, name=f"pool{i - 1}")(x)
            stride = self.stem_stride if i == 1 else 1
            x = DoubleConv(width, stride, self.act, self.norm, name=f"down{i}")(x, train=train)
            out[f"down{i}"] = x
        x = nn.Dropout(self.dropout, (1, 2), deterministic=not train, name="drop")(x)
        for i, width in reversed(list(enumerate(self.widths[:-1], 1))):
            seen = out[f"down{i}"]
            x = fit_size(Upsample(width, self.up, name=f"enlarge{i}")(x), seen.shape[1:3])
            x = jnp.concatenate([seen, x], axis=-1)
            x = DoubleConv(width, 1, self.act, self.norm, name=f"up{i}")(x, train=train)
            out[f"up{i}"] = x
        x = Conv(self.num_classes, 1, name="head")(x)
        out["logits"] = x if x.shape[1:3] == size else resize(x, (size[0], size[1]))
        return out if stages else out["logits"]


def fit_size(x: Array, size: tuple[int, ...]) -> Array:
    """`x` `(B, H, W, C)` with its last row and column repeated as often as `size` has more."""
    more = [(0, new - old) for new, old in zip(size, x.shape[1:3], strict=True)]
    return jnp.pad(x, [(0, 0), *more, (0, 0)], mode="edge") if any(map(any, more)) else x
