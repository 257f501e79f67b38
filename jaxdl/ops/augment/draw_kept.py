"""One of the several values that a row has, such as one caption of a picture."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.typing import Array, Key


def draw_kept(keys: Key, values: Array, kept: Array, *, train: bool, first: int = 0) -> Array:
    """In training one of a row's `kept` values, each as likely, in evaluation its first.

    `(B, C, ...)`, `kept` `(B, C)` bool, those that are kept before the others -> `(B, ...)`. With
    `first` one among so many of them at most (0: all). A row without any gives its first value.
    """
    count = jnp.sum(kept, axis=1)
    if first:
        count = jnp.minimum(count, first)
    draw = jax.vmap(partial(jax.random.uniform, dtype=jnp.float32))
    u = draw(keys) if train else jnp.zeros(len(values), jnp.float32)
    place = jnp.minimum((u * count).astype(jnp.int32), jnp.maximum(count - 1, 0))
    place = place.reshape(-1, *[1] * (values.ndim - 1))
    return jnp.take_along_axis(values, place, axis=1)[:, 0]
