"""Attention layers: queries, keys and values from linear layers, one head or many.

Masks are bool, True where a query sees a key, `(B, M, L)` or 1 in place of a size. Every layer
returns `(y, weights)`.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.ops.attention import additive_scores, masked_softmax, scaled_dot_product
from jaxdl.ops.position_encoding import rotary_embedding
from jaxdl.typing import Array

xavier = nn.initializers.xavier_uniform()
Cache = dict[str, Array]  # "key", "value": (B, heads, L, D / heads)


class AttentionLayer(nn.Module):
    """Query-key-value attention: softmax(Q (X W_K)^T / sqrt(D)) X W_V.

    Queries `(B, M, D)` and inputs `(B, L, E)` -> y `(B, M, values)`, weights `(B, M, L)`.
    """

    values: int

    @nn.compact
    def __call__(self, query: Array, x: Array, *, mask: Array | None = None) -> tuple[Array, Array]:
        check_rank("AttentionLayer: query", query, 3)
        key = Dense(query.shape[-1], use_bias=False, name="key")(x)
        value = Dense(self.values, use_bias=False, name="value")(x)
        return scaled_dot_product(query, key, value, mask=mask)


class SelfAttention(nn.Module):
    """`AttentionLayer` whose queries come from the inputs too: `(B, L, E)` -> `(B, L, width)`.

    Without a mask, permuted inputs give permuted outputs; with `causal_mask(L)[None]` it is masked
    self-attention.
    """

    width: int

    @nn.compact
    def __call__(self, x: Array, *, mask: Array | None = None) -> tuple[Array, Array]:
        query = Dense(self.width, use_bias=False, name="query")(x)
        return AttentionLayer(self.width, name="attention")(query, x, mask=mask)


class DotAttention(nn.Module):
    """Dot-product attention over a memory (Luong et al. 2015, arXiv 1508.04025, "dot").

    Scores (W q) . k / sqrt(D): `query (B, M, Q)`, `memory (B, L, D)` -> `(B, M, D)`, weights.
    """

    @nn.compact
    def __call__(
        self, query: Array, memory: Array, *, mask: Array | None = None
    ) -> tuple[Array, Array]:
        query = Dense(memory.shape[-1], use_bias=False, name="query")(query)
        return scaled_dot_product(query, memory, memory, mask=mask)


class AdditiveAttention(nn.Module):
    """e = v . tanh(W s + U h) (Bahdanau et al. 2015, arXiv 1409.0473, eq. 6 and A.1.2).

    `query (B, M, Q)`, `memory (B, L, D)` -> `(B, M, D)`, weights `(B, M, L)`.
    """

    width: int  # of the hidden layer

    @nn.compact
    def __call__(
        self, query: Array, memory: Array, *, mask: Array | None = None
    ) -> tuple[Array, Array]:
        vector = self.param("vector", nn.initializers.lecun_normal(), (self.width, 1), jnp.float32)
        query = Dense(self.width, name="query")(query)
        key = Dense(self.width, use_bias=False, name="key")(memory)
        weights = masked_softmax(additive_scores(query, key, vector[:, 0]), mask)
        return jnp.einsum("bml,bld->bmd", weights, memory), weights


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(D / heads)) V for every head, then a linear layer (arXiv 1706.03762).

    `x (B, M, D)`, `context (B, L, E)` (default x: self-attention) -> y `(B, M, D)`, weights
    `(B, heads, M, L)`. `rotary` turns queries and keys by their positions (self-attention only).
    `positions` and `context_positions`, of the shapes of x and context, are added to what queries
    and keys are made of, and not to values (as in DETR).
    """

    heads: int
    width: int  # D
    rotary: bool = False

    def setup(self) -> None:
        if self.width % self.heads:
            raise ValueError(
                f"MultiHeadAttention: width (={self.width}) must divide into heads (={self.heads})"
            )
        dense = partial(Dense, self.width, kernel_init=xavier)
        self.query, self.key, self.value, self.out = (dense() for _ in range(4))

    def __call__(
        self,
        x: Array,
        context: Array | None = None,
        *,
        mask: Array | None = None,
        positions: Array | None = None,
        context_positions: Array | None = None,
    ) -> tuple[Array, Array]:
        check_rank("MultiHeadAttention: x", x, 3)
        if context is None:
            context, context_positions = x, positions
        cache = self.cached(context, positions=context_positions)
        return self.attend(placed(x, positions), cache, mask=mask)

    def cached(
        self, context: Array, start: Array | int = 0, *, positions: Array | None = None
    ) -> Cache:
        """Keys and values of `context (B, L, E)`, which begins at position `start`."""
        key = self.split(self.key(placed(context, positions)))
        value = self.split(self.value(context))
        if self.rotary:
            key = rotary_embedding(key, start + jnp.arange(key.shape[2]))
        return {"key": key, "value": value}

    def empty_cache(self, batch: int, length: int) -> Cache:
        """Room for the keys and values of `length` positions."""
        zeros = jnp.zeros((batch, self.heads, length, self.width // self.heads), jnp.float32)
        return {"key": zeros, "value": zeros}

    def attend(
        self, x: Array, cache: Cache, *, mask: Array | None = None, start: Array | int = 0
    ) -> tuple[Array, Array]:
        """Queries from x, at position `start` and on, over cached keys and values."""
        query = self.split(self.query(x))
        if self.rotary:
            query = rotary_embedding(query, start + jnp.arange(query.shape[2]))
        mask = None if mask is None else mask[:, None]
        y, weights = scaled_dot_product(query, cache["key"], cache["value"], mask=mask)
        return self.out(y.swapaxes(1, 2).reshape(*x.shape[:2], self.width)), weights

    def step(self, x: Array, cache: Cache, at: Array) -> tuple[Array, Array, Cache]:
        """One position of masked self-attention: `x (B, 1, D)` at position `at`.

        Equals row `at` of the call with `causal_mask`; the cache has earlier positions.
        """
        new = self.cached(x, at)
        cache = {
            name: jax.lax.dynamic_update_slice_in_dim(old, new[name], at, axis=2)
            for name, old in cache.items()
        }
        seen = jnp.arange(cache["key"].shape[2])[None, None] <= at
        y, weights = self.attend(x, cache, mask=seen, start=at)
        return y, weights, cache

    def split(self, x: Array) -> Array:
        """`(B, L, D)` -> `(B, heads, L, D / heads)`."""
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)


def placed(x: Array, positions: Array | None) -> Array:
    """x with what says where it stands, if that is given."""
    return x if positions is None else x + positions
