"""A fixed number of anchors or proposals to learn from, drawn at random, half of them objects."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.typing import Array


def sample_balanced(
    draw: Array, positive: Array, negative: Array, *, count: int, share: float = 0.5
) -> tuple[Array, Array]:
    """Which count: at most `share` of `count` positives, negatives for the rest, all at random.

    `draw` `(2,)` uint32 is the picture's own key; `(N,)` bool x 2 -> `(N,)` bool x 2 (Ren et al.
    2015, section 3.1.3: 256 anchors, half of them positive, filled up with negatives).
    """
    check_fraction("sample_balanced: share", share)
    noise = jax.random.uniform(jax.random.wrap_key_data(draw), positive.shape, jnp.float32)

    def first(group: Array, most: Array | int) -> Array:
        order = jnp.argsort(jnp.where(group, noise, 2.0))
        rank = jnp.zeros_like(order).at[order].set(jnp.arange(len(order), dtype=order.dtype))
        return group & (rank < most)

    some = first(positive, int(share * count))
    return some, first(negative, count - jnp.sum(some))
