"""Transposed convolution as a layer."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.ops.conv_transpose import conv_transpose
from jaxdl.typing import Array


class ConvTranspose(nn.Module):
    """`(B, H, W, C)` -> `(B, H', W', features)`, H' = (H - 1) s - 2 p + k + output_padding.

    Parameters: `kernel` `(k, k, C, features)` from LeCun's normal over the inputs that meet in an
    output, C (k / s)^2, so that sizes keep their scale; `bias` `(features,)`.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    use_bias: bool = True
    gain: float = 1.0
    kernel_init: Callable[..., Any] | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        size = self.kernel_size
        fan_in = x.shape[-1] * max(1.0, (size / self.stride) ** 2)
        init = self.kernel_init or nn.initializers.normal((self.gain / fan_in) ** 0.5)
        kernel = self.param("kernel", init, (size, size, x.shape[-1], self.features), jnp.float32)
        y = conv_transpose(
            x,
            kernel.astype(x.dtype),
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
        )
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(
                x.dtype
            )
            y = y + jnp.expand_dims(bias, (0, 1, 2))
        return y
