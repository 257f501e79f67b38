"""Corner pooling: what a corner of a box sees of the object (Law & Deng 2018, 1808.01244, 3.4)."""

from functools import partial

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef


def corner_pool(down: Array, across: Array, *, top_left: bool) -> Array:
    """Eq. 6 and 7, `(B, H, W, C)` x 2 -> the same.

    The largest of `down` below and of `across` to the right of each cell, itself included, added;
    for bottom right corners above and to the left.
    """
    check_rank("corner_pool: down", down, 4)
    vertical = jax.lax.cummax(down, axis=1, reverse=top_left)
    return vertical + jax.lax.cummax(across, axis=2, reverse=top_left)


class CornerPool(nn.Module):
    """The prediction module of figure 7: `(B, H, W, C)` -> `(B, H, W, features)`.

    Two 3x3 conv - norm - ReLU are pooled, then 3x3 conv - norm; the input by a 1x1 conv - norm is
    added before the ReLU; a 3x3 conv - norm - ReLU follows.
    """

    features: int
    top_left: bool
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("CornerPool: x", x, 4)
        conv = partial(ConvNorm, self.features, norm=self.norm)
        down = conv(3, name="down")(x, train=train)
        across = conv(3, name="across")(x, train=train)
        pooled = corner_pool(down, across, top_left=self.top_left)
        y = conv(3, act=None, name="pooled")(pooled, train=train)
        y = y + conv(1, act=None, name="project")(x, train=train)
        return conv(3, name="out")(jax.nn.relu(y), train=train)
