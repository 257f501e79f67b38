"""PointNet (Qi et al. 2017, arXiv 1612.00593): what a maximum over points says of their set."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef


class SharedMLP(nn.Module):
    """(linear - norm - ReLU) for each width, the same for all points: `(..., C)` -> `(..., F)`."""

    widths: tuple[int, ...]
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        for i, width in enumerate(self.widths):
            x = Dense(width, use_bias=False, name=f"linear{i}")(x)
            x = nn.relu(self.norm(train=train, name=f"norm{i}")(x))
        return x


class AlignNet(nn.Module):
    """A matrix that turns the points, or their features, into a frame of its own choice (T-Net).

    `(B, N, C)` -> `(B, C, C)`, the identity at the start.
    """

    widths: tuple[int, ...] = (64, 128, 1024)
    head: tuple[int, ...] = (512, 256)
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        size = x.shape[-1]
        h = SharedMLP(self.widths, self.norm, name="points")(x, train=train)
        h = SharedMLP(self.head, self.norm, name="whole")(jnp.max(h, axis=1), train=train)
        off = Dense(size * size, kernel_init=nn.initializers.zeros, name="matrix")(h)
        return jnp.eye(size, dtype=off.dtype)[None] + off.reshape(-1, size, size)


class PointNetTrunk(nn.Module):
    """Features of points and of the whole: `(B, N, C)` -> `(B, N, F)`, `(B, G)`, `(B, F, F)`.

    The last is the matrix that turned the features.
    """

    local: tuple[int, ...] = (64, 64)
    whole: tuple[int, ...] = (64, 128, 1024)
    align_head: tuple[int, ...] = (512, 256)
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array, Array]:
        check_rank("PointNet: points", x, 3)
        align = partial(AlignNet, self.whole, self.align_head, self.norm)
        x = x @ align(name="align_points")(x, train=train)
        x = SharedMLP(self.local, self.norm, name="local")(x, train=train)
        turned = align(name="align_features")(x, train=train)
        x = x @ turned
        h = SharedMLP(self.whole, self.norm, name="whole")(x, train=train)
        return x, jnp.max(h, axis=1), turned


class PointNet(nn.Module):
    """A classifier of clouds: `(B, N, 3)` -> logits `(B, num_classes)`, in no order of the points.

    `with_transform`: and the matrices of the features, which `align_penalty` keeps orthogonal.
    """

    num_classes: int
    local: tuple[int, ...] = (64, 64)
    whole: tuple[int, ...] = (64, 128, 1024)
    head: tuple[int, ...] = (512, 256)
    dropout: float = 0.3
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, with_transform: bool = False
    ) -> Array | tuple[Array, Array]:
        trunk = PointNetTrunk(self.local, self.whole, self.head, self.norm, name="trunk")
        _, h, transform = trunk(x, train=train)
        h = SharedMLP(self.head, self.norm, name="head")(h, train=train)
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        logits = Dense(self.num_classes, name="logits")(h)
        return (logits, transform) if with_transform else logits


class PointNetParts(nn.Module):
    """Part labels: `(B, N, 3)`, the class of each cloud one-hot `(B, K)` -> `(B, N, num_parts)`.

    Each point is told its own features, those of the whole, and the class (section 5.1).
    """

    num_parts: int
    local: tuple[int, ...] = (64, 64)
    whole: tuple[int, ...] = (64, 128, 1024)
    head: tuple[int, ...] = (512, 256)
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(
        self, x: tuple[Array, Array], *, train: bool, with_transform: bool = False
    ) -> Array | tuple[Array, Array]:
        points, classes = x
        trunk = PointNetTrunk(self.local, self.whole, self.head, self.norm, name="trunk")
        own, whole, transform = trunk(points, train=train)
        told = jnp.concatenate([whole, classes], axis=-1)[:, None]
        told = jnp.broadcast_to(told, (*own.shape[:2], told.shape[-1]))
        h = jnp.concatenate([own, told], axis=-1)
        h = SharedMLP(self.head, self.norm, name="head")(h, train=train)
        logits = Dense(self.num_parts, name="logits")(h)
        return (logits, transform) if with_transform else logits


def align_penalty(matrices: Array) -> Array:
    """|I - A A^T|^2 (eq. 2): `(B, F, F)` -> `(B,)`, 0 for a turn."""
    product = matrices @ matrices.swapaxes(1, 2)
    return jnp.sum((product - jnp.eye(product.shape[-1])[None]) ** 2, axis=(1, 2))
