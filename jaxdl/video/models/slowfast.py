"""SlowFast networks: few frames through a wide network, many through a narrow one."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef


class BottleneckOverTime(RepeatedBlock):
    """relu(x + F(x)), F convolutions t x 1 x 1 - 1 x 3 x 3 (strided) - 1 x 1 x 1.

    `(B, T, H, W, C)` -> `(B, T, H / stride, W / stride, features)`; t is `time`.
    """

    features: int
    stride: int
    time: int
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        inner, strides = self.features // 4, (1, self.stride, self.stride)
        zeros = nn.initializers.zeros
        y = ConvNorm(inner, (self.time, 1, 1), norm=self.norm, name="conv1")(x, train=train)
        y = ConvNorm(inner, (1, 3, 3), strides, norm=self.norm, name="conv2")(y, train=train)
        last = partial(self.norm, scale_init=zeros)  # F(x) starts at zero
        y = ConvNorm(self.features, 1, norm=last, act=None, name="conv3")(y, train=train)
        if x.shape != y.shape:
            unit = ConvNorm(self.features, 1, strides, norm=self.norm, act=None, name="proj")
            x = unit(x, train=train)
        return nn.relu(x + y)


class SlowFast(nn.Module):
    """Two pathways with lateral connections from the fast one to the slow one alone.

    Feichtenhofer et al. 2019, arXiv 1812.03982, table 1. `(B, T, H, W, C)` -> logits
    `(B, num_classes)`. The fast pathway sees all T frames, the slow one every `alpha`-th; the fast
    one has `width / ratio` features where the slow one has `width`. After the stem and each stage
    but the last, what the fast pathway holds goes through a convolution over time, 5 x 1 x 1 of
    stride alpha, to twice its features beside the slow pathway's. Convolutions over time in the
    slow pathway begin at its third stage.
    """

    num_classes: int
    blocks: tuple[int, ...] = (3, 4, 6, 3)  # of each stage
    width: int = 64  # features of the slow stem; blocks of stage s have 2^(s+1) times as many
    ratio: int = 8  # how many times narrower the fast pathway is
    alpha: int = 8  # how many times fewer frames the slow pathway sees
    lateral: int = 5  # frames that a lateral connection looks at
    small: bool = False  # for small images: the stem is 3x3 and has no pool
    dropout: float = 0.5
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SlowFast: x", x, 5)
        slow = self.stem("slow", x[:, :: self.alpha], 1, train=train)
        fast = self.stem("fast", x, 5, train=train)
        out: Stages = {"slow_stem": slow, "fast_stem": fast}
        for stage, count in enumerate(self.blocks, 1):
            slow = self.joined(slow, fast, f"lateral{stage}", train=train)
            stride = 1 if stage == 1 else 2
            time = 1 if stage < 3 else 3
            slow = self.stage(slow, "slow", stage, count, stride, time, train=train)
            fast = self.stage(fast, "fast", stage, count, stride, 3, train=train)
            out |= {f"slow_stage{stage}": slow, f"fast_stage{stage}": fast}
        pooled = [pathway.mean((1, 2, 3)) for pathway in (slow, fast)]
        y = out["pooled"] = jnp.concatenate(pooled, axis=-1)
        y = nn.Dropout(self.dropout, deterministic=not train, name="drop")(y)
        out["logits"] = Dense(self.num_classes, name="head")(y)
        return out if stages else out["logits"]

    @nn.nowrap
    def stem(self, pathway: str, x: Array, time: int, *, train: bool) -> Array:
        """The first convolution, and a pool."""
        width = self.width if pathway == "slow" else self.width // self.ratio
        size = 3 if self.small else 7
        unit = ConvNorm(
            width, (time, size, size), (1, 2, 2), norm=self.norm, name=f"{pathway}_stem"
        )
        x = unit(x, train=train)
        pool = MaxPool((1, 3, 3), (1, 2, 2), (0, 1, 1), name=f"{pathway}_pool")
        return x if self.small else pool(x)

    @nn.nowrap
    def joined(self, slow: Array, fast: Array, name: str, *, train: bool) -> Array:
        """The slow features, and beside them the fast ones at the slow one's frames."""
        features, strides = 2 * fast.shape[-1], (self.alpha, 1, 1)
        unit = ConvNorm(features, (self.lateral, 1, 1), strides, norm=self.norm, name=name)
        return jnp.concatenate([slow, unit(fast, train=train)], axis=-1)

    @nn.nowrap
    def stage(
        self, x: Array, pathway: str, stage: int, count: int, stride: int, time: int, *, train: bool
    ) -> Array:
        """The blocks of one stage."""
        width = self.width if pathway == "slow" else self.width // self.ratio
        features = width * 2 ** (stage + 1)
        for i in range(1, count + 1):
            name = f"{pathway}_stage{stage}_block{i}"
            block = BottleneckOverTime(
                features, stride if i == 1 else 1, time, self.norm, name=name
            )
            x = block(x, train=train)
        return x
