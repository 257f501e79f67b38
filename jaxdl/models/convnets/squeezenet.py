"""SqueezeNet: AlexNet's accuracy with a fiftieth of its weights."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array

he = nn.initializers.he_uniform()


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 side by side (fig. 1).

    `(B, H, W, C)` -> `(B, H, W, 2 expand)`.
    """

    squeeze: int
    expand: int  # features of each of the two
    act: Callable[[Array], Array] = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = self.act(Conv(self.squeeze, 1, kernel_init=he, name="squeeze")(x))
        one = self.act(Conv(self.expand, 1, kernel_init=he, name="expand1")(x))
        three = self.act(Conv(self.expand, 3, padding=1, kernel_init=he, name="expand3")(x))
        return jnp.concatenate([one, three], axis=-1)


@register("squeezenet1_1")
class SqueezeNet(nn.Module):
    """conv/2 - eight fire modules - dropout - 1x1 conv - mean (Iandola et al. 2016, 1602.07360).

    Version 1.1 of the authors: a smaller first convolution and earlier pools than in the paper, all
    3x3/2 and keeping a last window that overhangs. `(B, H, W, C)` -> logits `(B, num_classes)`;
    stages `conv1`, `fire2` ... `fire9`, `pooled`.
    """

    num_classes: int
    stem: int = 64  # features of the first convolution
    stem_kernel: int = 3  # and its size
    squeeze: tuple[int, ...] = (16, 16, 32, 32, 48, 48, 64, 64)  # of each fire module
    expand: int = 4  # features of each of its two later convolutions, as multiples of that
    pools: tuple[int, ...] = (1, 3, 5)  # layers that are followed by one: 1 is the convolution
    dropout: float = 0.5  # chance that an input of the last convolution is dropped in training
    act: Callable[[Array], Array] = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SqueezeNet: x", x, 4)
        out: Stages = {}
        x = self.act(Conv(self.stem, self.stem_kernel, 2, kernel_init=he, name="conv1")(x))
        x = out["conv1"] = self._pooled(x, 1)
        for i, squeeze in enumerate(self.squeeze, 2):
            x = Fire(squeeze, self.expand * squeeze, self.act, name=f"fire{i}")(x)
            x = out[f"fire{i}"] = self._pooled(x, i)
        out["pooled"] = x.mean((1, 2))
        if not self.num_classes:
            return out if stages else out["pooled"]
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        small = nn.initializers.normal(0.01)
        x = self.act(Conv(self.num_classes, 1, kernel_init=small, name="head")(x))
        x = out["logits"] = x.mean((1, 2))
        return out if stages else x

    def _pooled(self, x: Array, layer: int) -> Array:
        if layer not in self.pools:
            return x
        return MaxPool(3, 2, ceil_mode=True, name=f"pool{layer}")(x)


@register("squeezenet1_0")
class SqueezeNet10(SqueezeNet):
    """As the paper has it (table 1): 96 filters of 7x7 and later pools."""

    stem: int = 96
    stem_kernel: int = 7
    pools: tuple[int, ...] = (1, 4, 8)
