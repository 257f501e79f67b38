"""Normalization of each example by itself: it is the same in training and in evaluation."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxdl.typing import Array


class GroupNorm(nn.Module):
    """Normalizes groups of neighboring channels over all positions (Wu & He 2018, 1803.08494).

    y = scale (x - mean) / sqrt(var + eps) + bias, `(B, ..., C)` -> the same, mean and biased
    variance of each example and group. `groups` 1 is layer normalization (Ba et al. 2016, arXiv
    1607.06450), 0 instance normalization, one group per channel (Ulyanov et al. 2016, arXiv
    1607.08022). Computed in float32. Parameters: `scale`, `bias` `(C,)`.
    """

    train: bool = False
    groups: int = 8
    eps: float = 1e-5
    scale_init: Callable[..., Any] = nn.initializers.ones
    bias_init: Callable[..., Any] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1]
        groups = self.groups or channels
        if channels % groups:
            raise ValueError(f"GroupNorm: {groups} groups must divide the channels of {x.shape}")
        parts = x.astype(jnp.float32).reshape(len(x), -1, groups, channels // groups)
        mean = jnp.mean(parts, axis=(1, 3), keepdims=True)
        var = jnp.mean(jnp.square(parts - mean), axis=(1, 3), keepdims=True)
        y = ((parts - mean) * lax.rsqrt(var + self.eps)).reshape(x.shape)
        return _affine(self, y, self.bias_init).astype(x.dtype)


class RMSNorm(nn.Module):
    """y = scale x / sqrt(mean(x^2) + eps) over the last axis (Zhang & Sennrich 2019, 1910.07467).

    `(..., C)` -> the same; computed in float32. Parameter: `scale` `(C,)`.
    """

    train: bool = False
    eps: float = 1e-6
    scale_init: Callable[..., Any] = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        wide = x.astype(jnp.float32)
        y = wide * lax.rsqrt(jnp.mean(jnp.square(wide), axis=-1, keepdims=True) + self.eps)
        return _affine(self, y, None).astype(x.dtype)


class Affine(nn.Module):
    """y = scale x + bias, what is left of a normalization without its statistics: `(..., C)`."""

    train: bool = False
    scale_init: Callable[..., Any] = nn.initializers.ones
    bias_init: Callable[..., Any] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return _affine(self, x, self.bias_init).astype(x.dtype)


def _affine(module: Any, y: Array, bias_init: Callable[..., Any] | None) -> Array:
    shape, axes = (y.shape[-1],), range(y.ndim - 1)
    y = y * jnp.expand_dims(module.param("scale", module.scale_init, shape, jnp.float32), axes)
    if bias_init is None:
        return y
    return y + jnp.expand_dims(module.param("bias", bias_init, shape, jnp.float32), axes)
