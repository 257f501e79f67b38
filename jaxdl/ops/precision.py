"""Numbers of half width, computed with in full."""

import jax.numpy as jnp

from jaxdl.typing import Array


def at_least_float32(x: Array) -> Array:
    """bfloat16 and float16 as float32, in which a loss keeps its digits; all else as it is."""
    return x.astype(jnp.float32) if x.dtype in (jnp.bfloat16, jnp.float16) else x
