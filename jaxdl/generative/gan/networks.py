"""Generators and discriminators of the notes, with or without a class. Images in [-1, 1].

A generator maps noise `(B, Z)` to examples, a discriminator examples to scores `(B,)` (logits).
"""

import math
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.layers.spatial_attention import SpatialAttention
from jaxdl.typing import Array, ModuleDef

he = nn.initializers.he_normal()
xavier = nn.initializers.xavier_uniform()


def with_class(x: Array, label: Array | None, classes: int) -> Array:
    """`x (B, D)` joined with the one-hot label (Mirza & Osindero 2014, arXiv 1411.1784)."""
    if not classes:
        return x
    if label is None:
        raise ValueError(f"a conditional network of {classes} classes needs labels")
    return jnp.concatenate([x, jax.nn.one_hot(label, classes, dtype=jnp.float32)], axis=1)


class MLPGenerator(nn.Module):
    """1024 - ReLU - 1024 - ReLU - pixels - tanh: `(B, Z)` -> `(B, *shape)`.

    With `bounded` False the last layer is linear (points in the plane).
    """

    shape: tuple[int, ...]
    hidden: tuple[int, ...] = (1024, 1024)
    classes: int = 0
    bounded: bool = True

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool) -> Array:
        x = with_class(z, label, self.classes)
        for i, width in enumerate(self.hidden, 1):
            x = nn.relu(nn.Dense(width, kernel_init=he, name=f"fc{i}")(x))
        x = nn.Dense(math.prod(self.shape), name="out")(x)
        x = jnp.tanh(x) if self.bounded else x
        return x.reshape(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """256 - leaky - 256 - leaky - 1: `(B, ...)` -> `(B,)`."""

    hidden: tuple[int, ...] = (256, 256)
    slope: float = 0.01
    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool) -> Array:
        x = with_class(x.reshape(len(x), -1), label, self.classes)
        for i, width in enumerate(self.hidden, 1):
            x = nn.leaky_relu(nn.Dense(width, kernel_init=he, name=f"fc{i}")(x), self.slope)
        return nn.Dense(1, name="out")(x)[:, 0]


class DCGenerator(nn.Module):
    """1024 - ReLU - norm - 7x7x128 - ReLU - norm - two transposed convolutions - tanh.

    After Radford et al. 2015 (arXiv 1511.06434), in the small form of CS231n: 4x4 kernels of
    stride 2, ReLU and norm between them. `(B, Z)` -> `(B, H, W, C)`, H and W multiples of 4.
    `attention` puts a self-attention layer between the two.
    """

    shape: tuple[int, int, int]
    hidden: int = 1024
    features: tuple[int, int] = (128, 64)
    classes: int = 0
    attention: bool = False
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool) -> Array:
        height, width, channels = self.shape
        if height % 4 or width % 4:
            raise ValueError(f"DCGenerator: image sizes must be multiples of 4, got {self.shape}")
        norm = partial(self.norm, train=train)
        x = with_class(z, label, self.classes)
        x = norm(name="norm1")(nn.relu(nn.Dense(self.hidden, kernel_init=he, name="fc1")(x)))
        wide = height // 4 * (width // 4) * self.features[0]
        x = norm(name="norm2")(nn.relu(nn.Dense(wide, kernel_init=he, name="fc2")(x)))
        x = x.reshape(-1, height // 4, width // 4, self.features[0])
        up = partial(ConvTranspose, kernel_size=4, stride=2, padding=1)
        x = norm(name="norm3")(nn.relu(up(self.features[1], gain=2.0, name="up1")(x)))
        if self.attention:
            x = SpatialAttention(name="attention")(x)
        return jnp.tanh(up(channels, name="up2")(x))


class DCDiscriminator(nn.Module):
    """conv 32 (5) - leaky - pool - conv 64 (5) - leaky - pool - linear - leaky - 1.

    CS231n's: no padding, linear as wide as what it is given. `(B, H, W, C)` -> `(B,)`, H and W at
    least 16. A class is added to the flat features. `attention` looks before the second layer.
    """

    features: tuple[int, int] = (32, 64)
    slope: float = 0.01
    classes: int = 0
    attention: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool) -> Array:
        act = partial(nn.leaky_relu, negative_slope=self.slope)
        for i, features in enumerate(self.features, 1):
            if self.attention and i == 2:
                x = SpatialAttention(name="attention")(x)
            x = MaxPool(2, name=f"pool{i}")(act(Conv(features, 5, name=f"conv{i}")(x)))
        flat = x.reshape(len(x), -1)
        x = with_class(flat, label, self.classes)
        x = act(nn.Dense(flat.shape[1], kernel_init=he, name="fc")(x))
        return nn.Dense(1, name="out")(x)[:, 0]
