"""Normalization as layers."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxdl.ops.collectives import pmean_tree
from jaxdl.typing import Array


class BatchNorm(nn.Module):
    """Batch normalization over all axes but the last (Ioffe & Szegedy 2015, arXiv 1502.03167).

    y = scale (x - mean) / sqrt(var + eps) + bias, `(B, ..., C)` -> the same shape. In training
    mean and biased variance are the batch's, and running <- (1 - momentum) running + momentum
    batch, with the unbiased variance, as in torch (Flax's momentum is one minus this one). Else
    they are the running ones. Statistics are computed in float32 or wider. `axis_name` takes them
    over all devices that run the layer, with equal shares of the batch; without it each has its
    own.

    Parameters: `scale`, `bias` `(C,)`. Collection `batch_stats`: `mean`, `var` `(C,)`.
    """

    train: bool
    momentum: float = 0.1
    eps: float = 1e-5
    axis_name: str | None = None
    scale_init: Callable[..., Any] = nn.initializers.ones
    bias_init: Callable[..., Any] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = (x.shape[-1],)
        scale = self.param("scale", self.scale_init, channels, jnp.float32)
        bias = self.param("bias", self.bias_init, channels, jnp.float32)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, channels, jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, channels, jnp.float32)
        if not self.train:
            return _affine(x, running_mean.value, running_var.value, self.eps, scale, bias)
        # Parameters are initialized outside of the program that binds the axis.
        axis_name = None if self.is_initializing() else self.axis_name
        mean, var, count = _moments(x, axis_name)
        if not self.is_initializing():
            if count < 2:
                raise ValueError(
                    "BatchNorm: training needs more than one value per channel, got shape "
                    f"{x.shape}"
                )
            unbiased = var * (count / (count - 1))
            running_mean.value = _blend(running_mean.value, mean, self.momentum)
            running_var.value = _blend(running_var.value, unbiased, self.momentum)
        return _affine(x, mean, var, self.eps, scale, bias)


def _moments(x: Array, axis_name: str | None) -> tuple[Array, Array, int]:
    """Mean, biased variance and number of values of every channel, over the devices of the axis."""
    axes = tuple(range(x.ndim - 1))
    x = _wide(x)
    count = x.size // x.shape[-1]
    count *= 1 if axis_name is None else lax.axis_size(axis_name)
    mean = pmean_tree(jnp.mean(x, axes, keepdims=True), axis_name)
    # Around the mean: E[x^2] - mean^2 loses its digits where the mean is large.
    var = pmean_tree(jnp.mean(jnp.square(x - mean), axes), axis_name)
    return mean.reshape(var.shape), var, count


def _wide(x: Array) -> Array:
    return x if x.dtype == jnp.float64 else x.astype(jnp.float32)


def _blend(old: Array, new: Array, momentum: float) -> Array:
    return (1 - momentum) * old + momentum * lax.stop_gradient(new)


def _affine(x: Array, mean: Array, var: Array, eps: float, scale: Array, bias: Array) -> Array:
    scale = scale * lax.rsqrt(var + eps)
    first = (None,) * (x.ndim - 1)
    y = (_wide(x) - mean[first]) * scale[first] + bias[first]
    return y.astype(x.dtype)
