"""Information: how surprising events are, and what describing one distribution by another costs.

Distributions lie on the last axis, non-negative, with sum 1. `base` is that of the logarithm: e for
nats, 2 for bits.
"""

import math

import jax.numpy as jnp
from jax.scipy.special import rel_entr, xlogy

from jaxdl.checks import check_same_shape
from jaxdl.typing import Array, ArrayLike


def self_information(p: ArrayLike, *, base: float = math.e) -> Array:
    """I = -log p of an event of probability `p`, elementwise."""
    return -jnp.log(jnp.asarray(p)) / math.log(base)


def entropy(p: ArrayLike, *, base: float = math.e) -> Array:
    """H(p) = -sum p log p, with 0 log 0 = 0. `(..., K)` -> `(...)`."""
    p = jnp.asarray(p)
    return -jnp.sum(xlogy(p, p), axis=-1) / math.log(base)


def binary_entropy(p: ArrayLike, *, base: float = math.e) -> Array:
    """The entropy of a coin that shows heads with probability `p`, elementwise."""
    p = jnp.asarray(p)
    return -(xlogy(p, p) + xlogy(1 - p, 1 - p)) / math.log(base)


def cross_entropy(p: ArrayLike, q: ArrayLike, *, base: float = math.e) -> Array:
    """H(p, q) = -sum p log q = H(p) + KL(p || q). `(..., K)`, `(..., K)` -> `(...)`."""
    p, q = jnp.asarray(p), jnp.asarray(q)
    check_same_shape("cross_entropy: p, q", p, q)
    return -jnp.sum(xlogy(p, q), axis=-1) / math.log(base)


def kl_divergence(p: ArrayLike, q: ArrayLike, *, base: float = math.e) -> Array:
    """KL(p || q) = sum p log(p / q); infinite where q is 0 and p is not. `(..., K)` -> `(...)`."""
    p, q = jnp.asarray(p), jnp.asarray(q)
    check_same_shape("kl_divergence: p, q", p, q)
    return jnp.sum(rel_entr(p, q), axis=-1) / math.log(base)
