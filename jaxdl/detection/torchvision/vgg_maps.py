"""The first two maps of torchvision's SSD300: what it made of VGG-16."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import MaxPool
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class VGGMaps(nn.Module):
    """VGG to its fourth stage, then the fifth and two convolutions in place of its linear layers.

    `(B, H, W, C)` -> stages `conv4`, stride 8, each cell's features brought to length `scale` (a
    parameter of each), and `fc7`, stride 16 (Liu et al. 2016, arXiv 1512.02325, section 3). The
    third pool keeps what overhangs, the fifth has stride 1, `fc6` spreads its 3x3 kernel sixfold.
    """

    blocks: tuple[int, ...] = (2, 2, 3, 3, 3)  # convolutions of each stage
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)  # of each stage
    hidden: int = 1024  # features of fc6 and fc7

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool) -> Stages:
        out: Stages = {}
        for stage, (count, filters) in enumerate(zip(self.blocks, self.filters, strict=True), 1):
            for i in range(1, count + 1):
                x = jax.nn.relu(Conv(filters, 3, padding=1, name=f"conv{stage}_{i}")(x))
            if stage == 4:
                scale = self.param("scale", nn.initializers.constant(20.0), (filters,), jnp.float32)
                length = jnp.linalg.norm(x, axis=-1, keepdims=True)
                out["conv4"] = scale[None, None, None] * (x / jnp.maximum(length, 1e-12))
            if stage < 5:
                x = MaxPool(2, ceil_mode=stage == 3, name=f"pool{stage}")(x)
        x = MaxPool(3, 1, 1, name="pool5")(x)
        x = jax.nn.relu(Conv(self.hidden, 3, padding=6, dilation=6, name="fc6")(x))
        out["fc7"] = jax.nn.relu(Conv(self.hidden, 1, name="fc7")(x))
        return out
