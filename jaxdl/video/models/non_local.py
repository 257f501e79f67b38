"""Attention of every place of a clip to all others, as a block that starts as nothing."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.typing import Array


class NonLocal(nn.Module):
    """z = x + W softmax(Q K^T) V, Q, K, V by 1x1x1 convolutions (arXiv 1711.07971).

    Wang et al. 2018, equations 1, 4 and 6 (embedded Gaussian, no division by the root of the
    width). `(B, T, H, W, C)` -> the same; W starts at zero, so that a block put into a trained
    network changes nothing.
    """

    inner: int = 0  # width of Q, K and V; 0: half of C

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_rank("NonLocal: x", x, 5)
        width = self.inner or x.shape[-1] // 2
        parts = [Conv(width, 1, name=name)(x) for name in ("query", "key", "value")]
        query, key, value = (part.reshape(len(x), -1, width) for part in parts)
        weights = jax.nn.softmax(jnp.einsum("bmd,bld->bml", query, key))
        y = jnp.einsum("bml,bld->bmd", weights, value).reshape(*x.shape[:-1], width)
        zeros = nn.initializers.zeros
        return x + Conv(x.shape[-1], 1, kernel_init=zeros, name="out")(y)
