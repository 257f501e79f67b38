"""Transformer blocks: encoder and decoder layers, stacked, with the norm before or after.

Vaswani et al. 2017, arXiv 1706.03762. Dropout acts on what each part adds and inside the MLP, as in
torch, but not on attention weights.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.dense import Dense
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.layers.sequence.attention import Cache, MultiHeadAttention, xavier
from jaxdl.typing import Array

LayerNorm = partial(nn.LayerNorm, epsilon=1e-5, use_fast_variance=False)
Act = Callable[[Array], Array]
Caches = dict[str, Cache]


class FeedForward(nn.Module):
    """linear - act - dropout - linear, vector by vector: `(..., D)` -> the same."""

    hidden: int
    dropout: float = 0.0
    act: Act = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        y = self.act(Dense(self.hidden, kernel_init=xavier, name="fc1")(x))
        y = nn.Dropout(self.dropout, deterministic=not train)(y)
        return Dense(x.shape[-1], kernel_init=xavier, name="fc2")(y)


class Block(RepeatedBlock):
    """Self-attention, cross attention (if `cross`), MLP, each added to x: `(B, L, D)`.

    Norm first: x + part(norm(x)); else norm(x + part(x)). An encoder layer, or with `cross` a
    decoder layer (whose mask is causal); with a causal mask and no `cross` a layer of a language
    model. Returns x, and the weights of the cross attention, else of self-attention.
    `positions` and `memory_positions`: see `MultiHeadAttention`.
    """

    heads: int
    width: int
    hidden: int
    cross: bool = False
    dropout: float = 0.0
    norm_first: bool = True
    rotary: bool = False
    act: Act = jax.nn.relu

    def setup(self) -> None:
        self.self_attention = MultiHeadAttention(self.heads, self.width, self.rotary)
        if self.cross:
            self.cross_attention = MultiHeadAttention(self.heads, self.width)
            self.norm_cross = LayerNorm()
        self.mlp = FeedForward(self.hidden, self.dropout, self.act)
        self.norm_self, self.norm_mlp = LayerNorm(), LayerNorm()
        self.drop = nn.Dropout(self.dropout)

    def __call__(
        self,
        x: Array,
        memory: Array | None = None,
        *,
        mask: Array | None = None,
        memory_mask: Array | None = None,
        positions: Array | None = None,
        memory_positions: Array | None = None,
        train: bool,
    ) -> tuple[Array, Array]:
        attend = partial(self.self_attention, mask=mask, positions=positions)
        x, weights = self.add(x, self.norm_self, attend, train=train)
        if self.cross:
            look = partial(
                self.cross_attention,
                context=memory,
                mask=memory_mask,
                positions=positions,
                context_positions=memory_positions,
            )
            x, weights = self.add(x, self.norm_cross, look, train=train)
        return self.add_mlp(x, train=train), weights

    def start(self, memory: Array | None, batch: int, length: int) -> Caches:
        """The caches before the first step: room for oneself, keys and values of the memory."""
        caches = {"self": self.self_attention.empty_cache(batch, length)}
        if self.cross and memory is not None:
            caches["cross"] = self.cross_attention.cached(memory)
        return caches

    def step(
        self, x: Array, caches: Caches, at: Array, memory_mask: Array | None = None
    ) -> tuple[Array, Caches]:
        """One position, `x (B, 1, D)`, in evaluation: row `at` of the call with a causal mask."""
        new = dict(caches)

        def attend(y: Array) -> tuple[Array, Array]:
            y, weights, new["self"] = self.self_attention.step(y, caches["self"], at)
            return y, weights

        x, _ = self.add(x, self.norm_self, attend, train=False)
        if self.cross:
            look = partial(self.cross_attention.attend, cache=caches["cross"], mask=memory_mask)
            x, _ = self.add(x, self.norm_cross, look, train=False)
        return self.add_mlp(x, train=False), new

    def add(
        self, x: Array, norm: Act, part: Callable[[Array], tuple[Array, Array]], *, train: bool
    ) -> tuple[Array, Array]:
        """One attention with its norm and shortcut."""
        y, weights = part(norm(x) if self.norm_first else x)
        x = x + self.drop(y, deterministic=not train)
        return (x if self.norm_first else norm(x)), weights

    def add_mlp(self, x: Array, *, train: bool) -> Array:
        """The MLP with its norm and shortcut."""
        mlp = lambda y: (self.mlp(y, train=train), y)  # noqa: E731
        return self.add(x, self.norm_mlp, mlp, train=train)[0]


class Stack(nn.Module):
    """`depth` blocks, and a last norm where the norm stands first. Fields as in `Block`."""

    depth: int
    heads: int
    width: int
    hidden: int
    cross: bool = False
    dropout: float = 0.0
    norm_first: bool = True
    rotary: bool = False
    act: Act = jax.nn.relu

    def setup(self) -> None:
        options = {name: getattr(self, name) for name in BLOCK_FIELDS}
        self.block = [Block(**options) for _ in range(self.depth)]
        if self.norm_first:
            self.norm = LayerNorm()

    def __call__(
        self,
        x: Array,
        memory: Array | None = None,
        *,
        mask: Array | None = None,
        memory_mask: Array | None = None,
        train: bool,
    ) -> tuple[Array, Array]:
        """`(B, L, D)` -> the same, and the weights of every block `(B, depth, heads, L, M)`."""
        weights = []
        for block in self.block:
            x, w = block(x, memory, mask=mask, memory_mask=memory_mask, train=train)
            weights.append(w)
        return self.last(x), jnp.stack(weights, axis=1)

    def start(self, memory: Array | None, batch: int, length: int) -> list[Caches]:
        """See `Block.start`."""
        return [block.start(memory, batch, length) for block in self.block]

    def step(
        self, x: Array, caches: list[Caches], at: Array, memory_mask: Array | None = None
    ) -> tuple[Array, list[Caches]]:
        """See `Block.step`."""
        new = []
        for block, own in zip(self.block, caches, strict=True):
            x, own = block.step(x, own, at, memory_mask)
            new.append(own)
        return self.last(x), new

    def last(self, x: Array) -> Array:
        """The last norm, where there is one."""
        return self.norm(x) if self.norm_first else x


BLOCK_FIELDS = (*("heads", "width", "hidden", "cross", "dropout", "norm_first", "rotary", "act"),)
