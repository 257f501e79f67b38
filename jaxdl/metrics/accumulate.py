"""Metrics as (sum, count) pairs: they add up over batches and devices and are divided once."""

import operator

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.ops.collectives import psum_tree
from jaxdl.typing import ArrayLike, Numbers, Pair, Pairs


def weighted(values: ArrayLike, weights: ArrayLike | None = None) -> Pair:
    """The pair of per-example values: `(B,)`, weights or mask `(B,)` -> (sum, count).

    A value whose weight is zero does not count, even where it is not finite.
    """
    if weights is None:
        return jnp.sum(values.astype(np.float32)), np.float32(values.size)
    if weights.shape != values.shape:
        raise ValueError(f"weighted: weights must have shape {values.shape}, got {weights.shape}")
    weights = weights.astype(np.float32)
    terms = jnp.where(weights == 0, 0, values.astype(np.float32) * weights)
    return jnp.sum(terms), jnp.sum(weights)


def add(a: Pairs, b: Pairs) -> Pairs:
    """The pairs of two batches, name by name. Raises ValueError unless the names are the same."""
    if a.keys() != b.keys():
        raise ValueError(f"add: metrics must have equal names, got {sorted(a)} and {sorted(b)}")
    return jax.tree.map(operator.add, dict(a), dict(b))


def total(pairs: Pairs, axis_name: str | None) -> Pairs:
    """The pairs summed over the devices of a named axis; None is one device."""
    return psum_tree(dict(pairs), axis_name)


def finish(pairs: Pairs) -> Numbers:
    """Each sum divided by its count, as floats on the host; nothing counted gives NaN."""
    pairs = jax.device_get(dict(pairs))
    return {
        name: float(np.float64(value) / count) if count else float("nan")
        for name, (value, count) in pairs.items()
    }
