"""Image captions: a decoder of words over image features, and the backbone below it.

Features are `(B, F)` or a grid `(B, h, w, F)`; captions are ids `(B, T)`: <START>, words, <END>,
<NULL>s. A decoder is called with (features, caption without its last token) and gives the logits of
the next words `(B, T, V)` and attention weights `(B, T, h w)`; `start` and `step` write.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.embed import Embed, TokenEmbed
from jaxdl.layers.sequence.recurrent import CELLS
from jaxdl.layers.sequence.transformer import Stack
from jaxdl.ops.attention import causal_mask, scaled_dot_product
from jaxdl.ops.rnn_scan import State
from jaxdl.typing import Array

Memory = dict[str, Any]


class RecurrentCaptioner(nn.Module):
    """h_0 = W f + b of the pooled features; then an RNN or an LSTM (c_0 = 0) over the words."""

    vocabulary: int
    width: int = 128  # of a word's vector
    hidden: int = 128
    cell: str = "lstm"  # rnn or lstm

    def setup(self) -> None:
        self.project = Dense(self.hidden)
        self.embed = Embed(self.vocabulary, self.width)
        self.core = CELLS[self.cell](self.hidden)
        self.head = Dense(self.vocabulary)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        features, words = pair
        y, _ = self.core(self.embed(words), self.start(features)["state"])
        return self.head(y), jnp.zeros((*words.shape, 0), jnp.float32)

    def start(self, features: Array) -> Memory:
        """The state before <START>."""
        check_rank("RecurrentCaptioner: features", features, 2, 4)
        pooled = features if features.ndim == 2 else features.mean((1, 2))
        h = self.project(pooled)
        return {"state": (h, *[jnp.zeros_like(h)] * (CELLS[self.cell].parts - 1))}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One word `(B,)` -> logits of the next `(B, V)`."""
        y, state = self.core(self.embed(ids), memory["state"])
        return self.head(y), {"state": state}


class AttentionLSTMCell(nn.Module):
    """a = W_x x + W_h h + W_attn x_attn + b, x_attn = A softmax(h A / sqrt(H)); then the LSTM.

    A `(B, h w, H)` are the projected features. W_x and W_attn stand in one matrix. One step gives
    (h `(B, H)`, weights `(B, h w)`).
    """

    hidden: int

    @nn.compact
    def __call__(self, state: State, x: Array, grid: Array) -> tuple[State, tuple[Array, Array]]:
        seen, weights = scaled_dot_product(state[0][:, None], grid, grid)
        core = CELLS["lstm"](self.hidden, name="core")
        h, state = core(jnp.concatenate([x, seen[:, 0]], axis=1), state)
        return state, (h, weights[:, 0])


class AttentionCaptioner(nn.Module):
    """An LSTM that looks at the grid before every word; h_0 = c_0 = the mean of A."""

    vocabulary: int
    width: int = 128
    hidden: int = 128

    def setup(self) -> None:
        self.project = Dense(self.hidden)
        self.embed = Embed(self.vocabulary, self.width)
        self.core = AttentionLSTMCell(self.hidden)
        self.head = Dense(self.vocabulary)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        features, words = pair
        memory = self.start(features)
        over_time = nn.scan(
            lambda cell, state, x: cell(state, x, memory["grid"]),
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )
        _, (y, weights) = over_time(self.core, memory["state"], self.embed(words))
        return self.head(y), weights

    def start(self, features: Array) -> Memory:
        """The projected grid and the state before <START>."""
        check_rank("AttentionCaptioner: features", features, 4)
        grid = self.project(features).reshape(len(features), -1, self.hidden)
        mean = grid.mean(axis=1)
        return {"grid": grid, "state": (mean, mean)}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One word `(B,)` -> logits of the next `(B, V)`."""
        state, (h, _) = self.core(memory["state"], self.embed(ids), memory["grid"])
        return self.head(h), {**memory, "state": state}


class TransformerCaptioner(nn.Module):
    """A Transformer decoder over the grid's vectors, to which learned places are added."""

    vocabulary: int
    length: int  # most tokens of a caption
    width: int = 128
    heads: int = 4
    depth: int = 2
    hidden: int = 256
    dropout: float = 0.0

    def setup(self) -> None:
        self.project = Dense(self.width)
        self.embed = TokenEmbed(self.vocabulary, self.width, self.length, "learned")
        self.stack = Stack(
            *(self.depth, self.heads, self.width, self.hidden), cross=True, dropout=self.dropout
        )
        self.head = Dense(self.vocabulary)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        features, words = pair
        mask = causal_mask(words.shape[1])[None]
        y, weights = self.stack(self.embed(words), self.places(features), mask=mask, train=train)
        return self.head(y), weights[:, -1].mean(axis=1)

    @nn.compact
    def places(self, features: Array) -> Array:
        """The grid as a sequence `(B, h w, D)`."""
        check_rank("TransformerCaptioner: features", features, 4)
        x = self.project(features).reshape(len(features), -1, self.width)
        init = nn.initializers.normal(0.02)
        return x + self.param("grid_positions", init, (x.shape[1], self.width), jnp.float32)[None]

    def start(self, features: Array) -> Memory:
        """Caches of a caption that has not begun."""
        caches = self.stack.start(self.places(features), len(features), self.length)
        return {"caches": caches, "at": jnp.int32(0)}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One word `(B,)` -> logits of the next `(B, V)`."""
        at = memory["at"]
        y, caches = self.stack.step(self.embed(ids[:, None], at), memory["caches"], at)
        return self.head(y)[:, 0], {"caches": caches, "at": at + 1}


class ImageCaptioner(nn.Module):
    """A decoder over a backbone that is trained with it: (images `(B, H, W, C)`, words)."""

    backbone: nn.Module
    decoder: nn.Module
    stage: str
    grid: int

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        images, words = pair
        return self.decoder((self.features(images, train=train), words), train=train)  # pyright: ignore

    def features(self, images: Array, *, train: bool = False) -> Array:
        """See `features_of`."""
        return features_of(self.backbone(images, train=train, stages=True), self.stage, self.grid)  # pyright: ignore

    def start(self, images: Array) -> Memory:
        """See the decoder's."""
        return self.decoder.start(self.features(images))  # pyright: ignore

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """See the decoder's."""
        return self.decoder.step(ids, memory)  # pyright: ignore


def features_of(stages: dict[str, Array], stage: str, grid: int) -> Array:
    """A stage `(B, H, W, F)` as means over `grid` x `grid` cells, or (grid 0) as it is."""
    if stage not in stages:
        raise ValueError(f"features_of: stage must be one of {', '.join(stages)}, got {stage!r}")
    x = stages[stage]
    if not grid or x.ndim == 2:
        return x
    height, width = x.shape[1:3]
    if height % grid or width % grid:
        raise ValueError(
            f"features_of: stage {stage} of {height}x{width} must divide into {grid}x{grid} cells; "
            "choose another data.image_size or grid"
        )
    cells = x.reshape(len(x), grid, height // grid, grid, width // grid, -1)
    return cells.mean((2, 4))
