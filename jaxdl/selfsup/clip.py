"""CLIP: pictures and texts as vectors of one space (Radford et al. 2021, arXiv 2103.00020)."""

import math

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.data.captions import NULL
from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.embed import TokenEmbed
from jaxdl.layers.sequence.transformer import Stack
from jaxdl.ops.distance import unit_rows
from jaxdl.typing import Array

FIRST_TEMPERATURE = 0.07  # section 2.5


class TextEncoder(nn.Module):
    """A Transformer over words, the mean of what it makes of them (the paper takes its last token).

    ids `(B, L)`, padding `NULL` at the end -> `(B, width)`. Words are vectors of `word_width`
    numbers, which a linear layer brings to `width` where that is another.
    """

    vocabulary: int
    length: int
    width: int = 64
    depth: int = 1  # 0: the mean of the words themselves
    heads: int = 4
    hidden: int = 128
    word_width: int = 0  # 0: as wide as the Transformer

    @nn.compact
    def __call__(self, ids: Array, *, train: bool) -> Array:
        check_rank("TextEncoder: ids", ids, 2)
        seen = ids != NULL
        word_width = self.word_width or self.width
        x = TokenEmbed(self.vocabulary, word_width, self.length, "learned", name="words")(ids)
        if word_width != self.width:
            x = Dense(self.width, name="widen")(x)
        if self.depth:
            stack = Stack(self.depth, self.heads, self.width, self.hidden, name="blocks")
            x, _ = stack(x, mask=seen[:, None], train=train)
        weight = seen[:, :, None].astype(x.dtype)
        return jnp.sum(x * weight, axis=1) / jnp.maximum(jnp.sum(weight, axis=1), 1)


class CLIP(nn.Module):
    """(pictures `(B, H, W, C)`, ids `(B, L)`) -> unit vectors of both `(B, dim)`, the log scale.

    Each encoder's `(B, D)` goes through a linear layer without bias. `log_scale` is what
    `clip_loss` multiplies cosines by, as a logarithm: learned from log(1 / 0.07) on.
    """

    image_encoder: nn.Module
    text_encoder: nn.Module
    dim: int = 64

    def setup(self) -> None:
        self.image_head = Dense(self.dim, use_bias=False)
        self.text_head = Dense(self.dim, use_bias=False)
        first = nn.initializers.constant(math.log(1 / FIRST_TEMPERATURE))
        self.log_scale = self.param("log_scale", first, (), jnp.float32)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array, Array]:
        image, ids = pair
        seen = self.encode_image(image, train=train)
        return seen, self.encode_text(ids, train=train), self.log_scale

    def encode_image(self, image: Array, *, train: bool = False) -> Array:
        """`(B, H, W, C)` -> unit vectors `(B, dim)`."""
        return unit_rows(self.image_head(self.image_encoder(image, train=train)))  # pyright: ignore

    def encode_text(self, ids: Array, *, train: bool = False) -> Array:
        """`(B, L)` -> unit vectors `(B, dim)`."""
        return unit_rows(self.text_head(self.text_encoder(ids, train=train)))  # pyright: ignore
