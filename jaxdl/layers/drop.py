"""Layers that leave something out in training: weights, or whole branches."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.typing import Array


class DropConnect(nn.Module):
    """A linear layer that sets each weight to zero with a chance (Wan et al. 2013).

    `(..., D)` -> `(..., features)`. In training the kept weights are divided by 1 - `rate`, so that
    evaluation uses them as they are; all rows of a batch share one draw, taken from `dropout`. The
    bias stays. Parameters as `nn.Dense`: `kernel` `(D, features)`, `bias` `(features,)`.
    """

    features: int
    rate: float
    deterministic: bool
    kernel_init: Callable[..., Any] = nn.initializers.he_normal()
    bias_init: Callable[..., Any] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_fraction("DropConnect: rate", self.rate)
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32)
        if self.rate and not self.deterministic:
            kernel = drop(self.make_rng("dropout"), kernel, self.rate, kernel.shape)
        y = x @ kernel.astype(x.dtype)
        return y + jnp.expand_dims(bias.astype(x.dtype), range(x.ndim - 1))


class DropPath(nn.Module):
    """Stochastic depth: sets a whole row to zero with a chance (Huang et al. 2016, 1603.09382).

    `(B, ...)` -> the same, the branch of a residual block. In training the kept rows are divided
    by 1 - `rate` (torchvision's `stochastic_depth` in mode "row").
    """

    rate: float
    deterministic: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_fraction("DropPath: rate", self.rate)
        if not self.rate or self.deterministic:
            return x
        return drop(self.make_rng("dropout"), x, self.rate, (len(x), *[1] * (x.ndim - 1)))


def drop(key: Array, x: Array, rate: float, shape: tuple[int, ...]) -> Array:
    """x with zeros at a share `rate` of the places of `shape`, the rest divided by 1 - `rate`."""
    if rate == 1:
        return jnp.zeros_like(x)
    kept = jax.random.bernoulli(key, 1 - rate, shape)
    return jnp.where(kept, x / (1 - rate), jnp.zeros_like(x))
