"""SegNet: up again by the places that the pools remember."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.upsampling.unpool import max_pool_with_places, max_unpool
from jaxdl.typing import Array, ModuleDef


@register("segnet")
class SegNet(nn.Module):
    """VGG's convolutions with norms and pools, and their mirror image with max unpooling.

    Badrinarayanan et al. 2017, arXiv 1511.00561, figure 2. `(B, H, W, C)` -> logits `(B, H, W,
    num_classes)`; stages `down1` ... (strides 1, 2, ...), `up1` .... Where a size is odd, its last
    row or column is zero before the convolutions on the way up.
    """

    num_classes: int
    blocks: tuple[int, ...] = (2, 2, 3, 3, 3)  # convolutions at each size
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)  # features of them
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SegNet: x", x, 4)
        if min(x.shape[1:3]) < 2 ** len(self.blocks):
            raise ValueError(
                f"SegNet: images must have {2 ** len(self.blocks)} pixels a side or more, got "
                f"{x.shape[1:3]}"
            )
        out: Stages = {}
        pooled: list[tuple[int, int, tuple[int, ...], Array]] = []
        for level, (count, features) in enumerate(zip(self.blocks, self.filters, strict=True), 1):
            for i in range(1, count + 1):
                x = ConvNorm(features, norm=self.norm, name=f"down{level}_{i}")(x, train=train)
            out[f"down{level}"] = x
            size = x.shape[1:3]
            x, places = max_pool_with_places(x)
            pooled.append((level, count, size, places))
        for level, count, size, places in reversed(pooled):
            x = max_unpool(x, places)
            more = [(0, new - old) for new, old in zip(size, x.shape[1:3], strict=True)]
            x = jnp.pad(x, [(0, 0), *more, (0, 0)])
            for i in range(count, 0, -1):
                last = i == 1  # it has the features of the level above
                features = self.filters[max(level - 1 - last, 0)]
                x = ConvNorm(features, norm=self.norm, name=f"up{level}_{i}")(x, train=train)
            out[f"up{level}"] = x
        x = out["logits"] = Conv(self.num_classes, 3, padding=1, name="head")(x)
        return out if stages else x
