"""Predictions of several views of one clip as one."""

import jax
import jax.numpy as jnp

from jaxdl.typing import Array


def averaged(logits: Array) -> Array:
    """Logits of which the softmax is the mean over the views of theirs.

    `(B, V, K)` -> `(B, K)`, log probabilities.
    """
    views = jnp.float32(logits.shape[1])
    return jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=1) - jnp.log(views)
