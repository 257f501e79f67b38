"""Attention: weighted means of values, and the masks that say who sees whom."""

import math

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def masked_softmax(scores: Array, mask: Array | None = None) -> Array:
    """softmax over the last axis of the scores where `mask` is True; the others weigh exactly 0.

    Args: `scores` `(..., L)`, `mask` bool of the same number of axes, sizes equal or 1. A row
    without any True has weights 0, not NaN.
    """
    if mask is None:
        return jax.nn.softmax(scores, axis=-1)
    if mask.ndim != scores.ndim:
        raise ValueError(
            f"masked_softmax: mask must have the {scores.ndim} axes of the scores, "
            f"got {mask.shape} for {scores.shape}"
        )
    scores = jnp.where(mask, scores, -jnp.inf)
    top = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    weights = jnp.exp(scores - jnp.where(jnp.isfinite(top), top, 0))
    total = jnp.sum(weights, axis=-1, keepdims=True)
    return weights / jnp.where(total > 0, total, 1)


def scaled_dot_product(
    query: Array, key: Array, value: Array, *, mask: Array | None = None
) -> tuple[Array, Array]:
    """softmax(Q K^T / sqrt(D)) V and the weights (Vaswani et al. 2017, arXiv 1706.03762, eq. 1).

    Args: `query` `(..., M, D)`, `key` `(..., L, D)`, `value` `(..., L, E)`, `mask` bool, True where
    a query sees a key, as many axes, sizes `(..., M, L)` or 1.
    Returns: `(..., M, E)`, weights `(..., M, L)`.
    """
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            "scaled_dot_product: query (..., M, D), key (..., L, D), value (..., L, E) must fit, "
            f"got {query.shape}, {key.shape}, {value.shape}"
        )
    scores = jnp.einsum("...md,...ld->...ml", query / math.sqrt(query.shape[-1]), key)
    weights = masked_softmax(scores, mask)
    return jnp.einsum("...ml,...le->...me", weights, value), weights


def additive_scores(query: Array, key: Array, vector: Array) -> Array:
    """v . tanh(q + k) (Bahdanau et al. 2015, arXiv 1409.0473, A.1.2; q and k already multiplied).

    Args: `query` `(..., M, D)`, `key` `(..., L, D)`, `vector` `(D,)`. Returns: `(..., M, L)`.
    """
    check_rank("additive_scores: vector", vector, 1)
    return jnp.tanh(query[..., :, None, :] + key[..., None, :, :]) @ vector


def causal_mask(length: int) -> Array:
    """Row t sees columns 0 .. t: `(length, length)` bool."""
    return jnp.tril(jnp.ones((length, length), bool))


def length_mask(lengths: Array, most: int) -> Array:
    """Column t of row b is True where t < lengths[b]: `(B,)` -> `(B, most)` bool."""
    check_rank("kept_of_lengths: lengths", lengths, 1)
    return jnp.arange(most)[None] < lengths[:, None]
