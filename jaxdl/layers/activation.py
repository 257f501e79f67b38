"""Activations with parameters or pieces, and all activations by name."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import unknown
from jaxdl.ops.activation import ACTIVATIONS
from jaxdl.typing import Array


class PReLU(nn.Module):
    """x where x > 0, else a x with a learned a (He et al. 2015, arXiv 1502.01852, eq. 1).

    Any shape. Parameter: `slope` `(1,)`, one for all channels, as in torch, or with `per_channel`
    `(C,)`; it starts at 0.25.
    """

    per_channel: bool = False
    start: float = 0.25

    @nn.compact
    def __call__(self, x: Array) -> Array:
        count = x.shape[-1] if self.per_channel else 1
        slope = self.param("slope", nn.initializers.constant(self.start), (count,), jnp.float32)
        slope = jnp.expand_dims(slope.astype(x.dtype), range(x.ndim - 1))
        return jnp.where(x > 0, x, slope * x)


class Maxout(nn.Module):
    """The largest of `pieces` neighboring channels (Goodfellow et al. 2013, arXiv 1302.4389).

    `(..., pieces F)` -> `(..., F)`: after a linear layer, a maximum of `pieces` affine functions.
    """

    pieces: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if x.shape[-1] % self.pieces:
            raise ValueError(f"Maxout: {self.pieces} pieces must divide the channels of {x.shape}")
        return jnp.max(x.reshape(*x.shape[:-1], -1, self.pieces), axis=-1)


def prelu(x: Array) -> Array:
    """`PReLU` as a function; inside the `__call__` of a compact module only."""
    return PReLU()(x)


def maxout(x: Array) -> Array:
    """`Maxout` as a function: half of the channels are left; see `width_before`."""
    return Maxout()(x)


def activation_layer(name: str) -> Callable[[Array], Array]:
    """The activation of that name, those of `jaxdl.ops.activation` and prelu and maxout."""
    table = {**ACTIVATIONS, "prelu": prelu, "maxout": maxout}
    if name not in table:
        raise unknown("activation", name, table)
    return table[name]


def width_before(name: str, width: int) -> int:
    """How wide a layer must be so that `width` channels are left after its activation."""
    return 2 * width if name == "maxout" else width
