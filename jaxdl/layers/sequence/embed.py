"""Tokens as vectors, and vectors that say where a token stands."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.ops.embedding_lookup import lookup
from jaxdl.ops.position_encoding import sincos_table
from jaxdl.typing import Array

POSITIONS = ("sincos", "learned", "rotary", "none")


class Embed(nn.Module):
    """W[ids], W `(size, width)`; with width 0 a one-hot vector: ids `(...)` -> `(..., width)`."""

    size: int
    width: int

    @nn.compact
    def __call__(self, ids: Array) -> Array:
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            raise ValueError(f"Embed: ids must be integers, got {ids.dtype}")
        if not self.width:
            return jax.nn.one_hot(ids, self.size, dtype=jnp.float32)
        init = nn.initializers.normal(1 / math.sqrt(self.width))
        return lookup(self.param("table", init, (self.size, self.width), jnp.float32), ids)


class TokenEmbed(nn.Module):
    """sqrt(D) W[ids] + position (arXiv 1706.03762, 3.4): ids `(B, L)` -> `(B, L, width)`.

    Positions: "sincos", "learned", or none here ("rotary" acts in the attention). The first token
    stands at `start`, the last before `length`.
    """

    size: int
    width: int
    length: int
    positions: str = "sincos"

    @nn.compact
    def __call__(self, ids: Array, start: Array | int = 0) -> Array:
        check_rank("TokenEmbed: ids", ids, 2)
        check_one_of("TokenEmbed: positions", self.positions, POSITIONS)
        if ids.shape[1] > self.length:
            raise ValueError(
                f"TokenEmbed: {ids.shape[1]} tokens are more than the model's length "
                f"(max_len) of {self.length}; cut them or build it with a larger length"
            )
        x = math.sqrt(self.width) * Embed(self.size, self.width, name="embed")(ids)
        if self.positions == "learned":
            init = nn.initializers.normal(0.02)
            table = self.param("positions_table", init, (self.length, self.width), jnp.float32)
        elif self.positions == "sincos":
            table = jnp.asarray(sincos_table(self.length, self.width))
        else:
            return x
        return x + jax.lax.dynamic_slice_in_dim(table, start, ids.shape[1])[None].astype(x.dtype)
