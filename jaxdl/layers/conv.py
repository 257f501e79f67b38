"""Convolution as a layer, with torch's integers for padding."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.ops.conv import conv
from jaxdl.ops.forms.conv_geometry import Padding, per_axis
from jaxdl.typing import Array

# torch's own default for the kernels of Linear and Conv2d: U(-1, 1) / sqrt(fan_in)
torch_uniform = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Conv(nn.Module):
    """Convolution, `(B, H, W, C)` -> `(B, H', W', features)`, over one to three spatial axes.

    The kernel size is an int (square) or one a spatial axis. Starts from Kaiming's normal (He et
    al. 2015, arXiv 1502.01852: variance 2 / fan_in, for ReLU) and a zero bias; `torch_uniform` is
    torch's default. Computes in x's dtype; parameters are float32.
    Parameters: `kernel` `(kh, kw, C / groups, features)`, `bias` `(features,)`.
    """

    features: int
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Padding = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: Callable[..., Any] = nn.initializers.he_normal()
    bias_init: Callable[..., Any] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if x.ndim not in (3, 4, 5) or self.groups < 1 or x.shape[-1] % self.groups:
            raise ValueError(
                f"Conv: x must be (B, H, W, C) with C divisible by groups {self.groups}, "
                f"got shape {x.shape}"
            )
        window = per_axis("Conv: kernel_size", self.kernel_size, x.ndim - 2)
        shape = (*window, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32).astype(x.dtype)
        y = conv(
            x,
            kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(x.dtype)
            y = y + jnp.expand_dims(bias, range(x.ndim - 1))
        return y
