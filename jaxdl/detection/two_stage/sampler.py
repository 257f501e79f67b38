"""A fixed number of anchors or proposals to learn from, drawn at random, half of them objects."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction
from jaxdl.detection.matching import Matches
from jaxdl.typing import Array, Batch


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


def sample_matches(draw: Array, match: Matches, count: int, share: float) -> tuple[Array, Array]:
    """`sample_balanced` of a batch of matches, by the keys `draw` `(B, 2)`: `(B, N)` bool x 2."""
    pick = partial(sample_balanced, count=count, share=share)
    return jax.vmap(pick)(draw, match.positive, match.negative)


def boxes_of(match: Matches, some: Array, batch: Batch) -> Array:
    """The true box of each `(B, N, 4)`; zeros where it is not one of `some` `(B, N)` bool."""
    boxes = jnp.take_along_axis(batch["boxes"], match.truth[..., None], axis=1)
    return jnp.where(some[..., None], boxes, 0)


def mean_where(values: Array, mask: Array) -> Array:
    """The mean of a row's values where `mask` is: `(B, N)` x 2 -> `(B,)`, 0 of none."""
    return jnp.sum(jnp.where(mask, values, 0), axis=1) / jnp.maximum(jnp.sum(mask, axis=1), 1)


def sum_over(values: Array, mask: Array, count: Array | int) -> Array:
    """The sum of a row's values where `mask` is, over `count`: `(B, N)` x 2 -> `(B,)`."""
    return jnp.sum(jnp.where(mask, values, 0), axis=1) / count
