"""Whether an embedding still tells images apart."""

import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.ops.collectives import pmean_tree
from jaxdl.ops.distance import unit_rows
from jaxdl.typing import Array


def deviation(z: Array, *, axis_name: str | None = None) -> Array:
    """sqrt(D) times the mean deviation of a feature of unit rows, over the batch of all devices.

    `(B, D)` -> `()`: 1 where rows point evenly in all directions, 0 where all are one vector, the
    sign of a collapse (Chen & He 2021, arXiv 2011.10566, section 4.1, up to their 1 / sqrt(D)).
    """
    check_rank("deviation: z", z, 2)
    z = unit_rows(z)
    mean = pmean_tree(jnp.mean(z, axis=0, keepdims=True), axis_name)
    variance = pmean_tree(jnp.mean((z - mean) ** 2, axis=0), axis_name)
    return jnp.mean(jnp.sqrt(variance)) * jnp.sqrt(jnp.float32(z.shape[1]))
