"""What a network says of the next action: a distribution over a few, or over real numbers."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.typing import Array, Key


class Categorical(NamedTuple):
    """Actions 0 .. A - 1 by `logits` `(..., A)`."""

    logits: Array

    def sample(self, key: Key) -> Array:
        """`(...)` int32, by one key."""
        return jax.random.categorical(key, self.logits).astype(jnp.int32)

    def log_prob(self, action: Array) -> Array:
        """Of `action` `(...)`: `(...)`."""
        log_shares = jax.nn.log_softmax(self.logits)
        return jnp.take_along_axis(log_shares, action[..., None], axis=-1)[..., 0]

    def entropy(self) -> Array:
        """`(...)`, in nats."""
        log_shares = jax.nn.log_softmax(self.logits)
        return -jnp.sum(jnp.exp(log_shares) * log_shares, axis=-1)

    def mode(self) -> Array:
        """The likeliest action."""
        return jnp.argmax(self.logits, axis=-1).astype(jnp.int32)


class Gaussian(NamedTuple):
    """Independent normals: `mean` and `log_std` `(..., A)`; samples may lie outside of the box."""

    mean: Array
    log_std: Array

    def sample(self, key: Key) -> Array:
        """`(..., A)`, by one key."""
        return self.mean + jnp.exp(self.log_std) * jax.random.normal(key, self.mean.shape)

    def log_prob(self, action: Array) -> Array:
        """The log density at `action` `(..., A)`: `(...)`."""
        z = (action - self.mean) * jnp.exp(-self.log_std)
        return jnp.sum(-0.5 * z**2 - self.log_std - 0.5 * math.log(2 * math.pi), axis=-1)

    def entropy(self) -> Array:
        """`(...)`, in nats."""
        return jnp.sum(self.log_std + 0.5 * math.log(2 * math.pi * math.e), axis=-1)

    def mode(self) -> Array:
        """The mean."""
        return self.mean


Policy = Categorical | Gaussian
