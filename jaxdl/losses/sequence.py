"""Losses of token sequences: summed over time, padding left out, one value per example."""

import jax.numpy as jnp

from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.typing import Array


def sequence_cross_entropy(logits: Array, targets: Array, *, ignore: int | None = 0) -> Array:
    """sum_t [y_t is not `ignore`] -log softmax(logits_t)[y_t]; `ignore` None counts every token.

    Args: `logits` `(B, T, V)`, `targets` `(B, T)` integers in [0, V). Returns: `(B,)`.
    """
    loss = softmax_cross_entropy(logits, targets)
    return jnp.sum(loss if ignore is None else jnp.where(targets == ignore, 0, loss), axis=1)


def token_counts(targets: Array, *, ignore: int | None = 0) -> Array:
    """How many tokens of each example count in the loss: `(B, T)` -> `(B,)` float32."""
    kept = jnp.ones(targets.shape, bool) if ignore is None else targets != ignore
    return jnp.sum(kept, axis=1).astype(jnp.float32)
