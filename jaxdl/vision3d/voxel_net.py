"""A 3-D convolutional classifier of voxel grids."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef


class VoxelNet(nn.Module):
    """Convolutions over x, y and z, each of stride 2 (after VoxNet, Maturana & Scherer 2015).

    `(B, R, R, R, 1)` -> logits `(B, num_classes)`. The first window is 5 wide, the others 3; the
    last grid is flattened, so that places count.
    """

    num_classes: int
    features: tuple[int, ...] = (16, 32, 64)  # of each level
    hidden: int = 128
    dropout: float = 0.3
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("VoxelNet: voxels", x, 5)
        for i, features in enumerate(self.features):
            size = 3 if i else 5
            x = Conv(features, size, 2, padding=size // 2, use_bias=False, name=f"conv{i}")(x)
            x = nn.relu(self.norm(train=train, name=f"norm{i}")(x))
        h = nn.relu(Dense(self.hidden, name="hidden")(x.reshape(len(x), -1)))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        return Dense(self.num_classes, name="logits")(h)


def voxels_as_input(voxels: Array) -> Array:
    """bool `(B, R, R, R)` -> -1 outside and 1 inside, `(B, R, R, R, 1)` float32."""
    return jnp.where(voxels, 1.0, -1.0)[..., None]
