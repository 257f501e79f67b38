"""Transformers of tokens: encoder-decoder for translation, decoder alone as a language model."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.data.captions import NULL
from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.embed import TokenEmbed
from jaxdl.layers.sequence.transformer import Stack
from jaxdl.ops.attention import causal_mask
from jaxdl.typing import Array

Memory = dict[str, Any]


class TransformerTranslator(nn.Module):
    """Encoder and decoder over one vocabulary (Vaswani et al. 2017, arXiv 1706.03762, figure 1).

    (source `(B, L)`, target `(B, T)`) -> logits of the token after each of the target's
    `(B, T, V)`, and the decoder's cross attention `(B, depth, heads, T, L)`.
    """

    vocabulary: int
    length: int  # most tokens of a source or target
    width: int = 64
    heads: int = 4
    depth: int = 2
    hidden: int = 128
    dropout: float = 0.0
    norm_first: bool = True
    positions: str = "sincos"  # sincos, learned, rotary or none

    def setup(self) -> None:
        sizes = (self.depth, self.heads, self.width, self.hidden)
        options: dict[str, Any] = {
            "dropout": self.dropout,
            "norm_first": self.norm_first,
            "rotary": self.positions == "rotary",
        }
        embed = (self.vocabulary, self.width, self.length, self.positions)
        self.source_embed, self.target_embed = TokenEmbed(*embed), TokenEmbed(*embed)
        self.encoder = Stack(*sizes, **options)
        self.decoder = Stack(*sizes, cross=True, **options)
        self.head = Dense(self.vocabulary)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        source, target = pair
        memory, seen = self.encode(source, train=train)
        mask = causal_mask(target.shape[1])[None]
        y, weights = self.decoder(
            self.target_embed(target), memory, mask=mask, memory_mask=seen, train=train
        )
        return self.head(y), weights

    def encode(self, source: Array, *, train: bool = False) -> tuple[Array, Array]:
        """The source's states `(B, L, D)`, and a mask of its real tokens `(B, 1, L)`."""
        seen = (source != NULL)[:, None]
        return self.encoder(self.source_embed(source), mask=seen, train=train)[0], seen

    def start(self, source: Array) -> Memory:
        """Caches of a decoder that has not begun: arrays of the batch, and the place 0."""
        memory, seen = self.encode(source)
        caches = self.decoder.start(memory, len(source), self.length)
        return {"caches": caches, "seen": seen, "at": jnp.int32(0)}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One token of the target `(B,)` -> logits of the next `(B, V)`."""
        at = memory["at"]
        x = self.target_embed(ids[:, None], at)
        y, caches = self.decoder.step(x, memory["caches"], at, memory["seen"])
        return self.head(y)[:, 0], {**memory, "caches": caches, "at": at + 1}


class TransformerLM(nn.Module):
    """A causal Transformer: ids `(B, T)` -> logits of the next token `(B, T, V)`, T <= length."""

    vocabulary: int
    length: int
    width: int = 128
    heads: int = 4
    depth: int = 2
    hidden: int = 512
    dropout: float = 0.0
    norm_first: bool = True
    positions: str = "rotary"

    def setup(self) -> None:
        embed = (self.vocabulary, self.width, self.length, self.positions)
        self.embed = TokenEmbed(*embed)
        self.stack = Stack(
            *(self.depth, self.heads, self.width, self.hidden),
            dropout=self.dropout,
            norm_first=self.norm_first,
            rotary=self.positions == "rotary",
        )
        self.head = Dense(self.vocabulary)

    def __call__(self, ids: Array, *, train: bool) -> Array:
        mask = causal_mask(ids.shape[1])[None]
        return self.head(self.stack(self.embed(ids), mask=mask, train=train)[0])

    def start(self, batch: int) -> Memory:
        """Caches of a text that has not begun."""
        return {"caches": self.stack.start(None, batch, self.length), "at": jnp.int32(0)}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One token `(B,)` -> logits of the next `(B, V)`; at most `length` of them."""
        at = memory["at"]
        y, caches = self.stack.step(self.embed(ids[:, None], at), memory["caches"], at)
        return self.head(y)[:, 0], {"caches": caches, "at": at + 1}
