"""Voxels and points from one picture."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_positive
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.ops.resize import resize
from jaxdl.typing import Array
from jaxdl.vision3d.single_view.image_encoder import ImageEncoder


class WholePicture(nn.Module):
    """All cells of the encoder's last map through one layer: `(B, S, S, 3)` -> `(B, features)`."""

    encoder: tuple[int, ...]
    features: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        last = ImageEncoder(self.encoder, name="encoder")(x, train=train)[-1]
        return nn.relu(Dense(self.features, name="whole")(last.reshape(len(last), -1)))


class VoxelBridge(nn.Module):
    """A fully connected bridge from a picture to space: `(B, S, S, 3)` -> logits `(B, R, R, R)`.

    After Choy et al. 2016 (3D-R2N2, arXiv 1604.00449), without recurrence: a vector becomes a grid
    of R/4 cells a side, which is enlarged twofold twice, a 3x3x3 convolution after each.
    """

    resolution: int = 16
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    hidden: int = 256
    features: int = 16

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if self.resolution % 4:
            raise ValueError(
                f"VoxelBridge: resolution must be a multiple of 4, got {self.resolution}"
            )
        h = WholePicture(self.encoder, self.hidden, name="picture")(x, train=train)
        side = self.resolution // 4
        h = nn.relu(Dense(side**3 * self.features, name="bridge")(h))
        h = h.reshape(len(h), side, side, side, self.features)
        for i, count in enumerate((self.features, 1)):
            for axis in (1, 2, 3):
                h = jnp.repeat(h, 2, axis=axis)
            h = Conv(count, 3, padding=1, name=f"conv{i}")(h)
            h = h if i else nn.relu(h)
        return h[..., 0]


class VoxelTubes(nn.Module):
    """2-D convolutions alone, a channel for each cell along z: `(B, S, S, 3)` -> `(B, R, R, R)`.

    "Voxel tubes": logits, index x, y, z, of cells that lie behind each other in a picture's column
    (after Richter & Roth 2018, arXiv 1804.10975). Cheaper than convolutions in space.
    """

    resolution: int = 16
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    hidden: int = 256
    features: int = 48

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_positive("VoxelTubes: resolution", self.resolution)
        size = self.resolution, self.resolution
        maps = ImageEncoder(self.encoder, name="encoder")(x, train=train)
        whole = nn.relu(Dense(self.hidden, name="whole")(maps[-1].reshape(len(x), -1)))
        h = Dense(self.features, name="spread")(whole)[:, None, None]
        for i, one in enumerate(maps[1:]):
            h = h + resize(Conv(self.features, 1, use_bias=False, name=f"map{i}")(one), size)
        h = nn.relu(Conv(self.features, 3, padding=1, name="mix")(nn.relu(h)))
        return jnp.swapaxes(Conv(self.resolution, 1, name="tubes")(h), 1, 2)


class PointSet(nn.Module):
    """A set of points, all at once: `(B, S, S, 3)` -> `(B, count, 3)`.

    The fully connected branch of the generator of Fan et al. (2017, arXiv 1612.00603).
    """

    count: int = 512
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    hidden: int = 256

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_positive("PointSet: count", self.count)
        h = WholePicture(self.encoder, self.hidden, name="picture")(x, train=train)
        return Dense(3 * self.count, name="points")(h).reshape(len(h), self.count, 3)
