"""How often tokens and whole sequences are right, padding left out: (sum, count) pairs."""

import jax.numpy as jnp

from jaxdl.metrics.accumulate import weighted
from jaxdl.typing import Array, Pair


def right_tokens(logits: Array, targets: Array, *, ignore: int = 0) -> Array:
    """Whether the likeliest token is the target's, True on padding: `(B, T, V)` -> `(B, T)`."""
    return (jnp.argmax(logits, axis=-1) == targets) | (targets == ignore)


def token_accuracy(logits: Array, targets: Array, *, ignore: int = 0) -> Pair:
    """Share of the real tokens that are right."""
    kept = targets != ignore
    return weighted(right_tokens(logits, targets, ignore=ignore), kept)


def exact_accuracy(logits: Array, targets: Array, *, ignore: int = 0) -> Pair:
    """Share of the sequences without a wrong token.

    Where each token was predicted from the true ones before it, this is also the share that greedy
    decoding writes word for word.
    """
    return weighted(jnp.all(right_tokens(logits, targets, ignore=ignore), axis=1))
