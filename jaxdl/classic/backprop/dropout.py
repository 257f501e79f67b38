"""Inverted dropout with its backward pass written out."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.typing import Array, Key


def dropout(key: Key, x: Array, *, rate: float) -> Array:
    """0 with probability `rate`, else x / (1 - rate): the expectation is x, and 1 drops everything.

    dL/dx = dL/dy mask: what was dropped learns nothing, what stayed is scaled alike.
    """
    check_fraction("dropout: rate", rate)
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return _masked(x, jnp.where(keep, 1 / max(1 - rate, 1e-12), 0).astype(x.dtype))


@jax.custom_vjp
def _masked(x, mask):
    return _forward(x, mask)[0]


def _forward(x, mask):
    return x * mask, mask


def _backward(mask, slope):
    return slope * mask, None


_masked.defvjp(_forward, _backward)
