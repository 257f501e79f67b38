"""Recurrent encoder and decoder, with and without attention between them.

Many-to-one is `SequenceClassifier`, many-to-many `Seq2Seq` (and, token for token, the character
model), one-to-many the captioner's decoders.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.data.captions import NULL
from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.attention import AdditiveAttention, DotAttention
from jaxdl.layers.sequence.embed import Embed
from jaxdl.layers.sequence.recurrent import CELLS, Recurrent
from jaxdl.ops.rnn_scan import State
from jaxdl.typing import Array

ATTENTIONS = ("none", "dot", "additive")
Memory = dict[str, Any]


class RecurrentEncoder(nn.Module):
    """Ids `(B, L)`, padded with <NULL>, -> hidden states `(B, L, H)` and the last state.

    Read in both directions; what both say of a token, and of the whole, meets in linear layers.
    """

    vocabulary: int
    width: int
    hidden: int
    cell: str = "gru"

    @nn.compact
    def __call__(self, ids: Array, *, train: bool) -> tuple[Array, State]:
        x = Embed(self.vocabulary, self.width, name="embed")(ids)
        both = Recurrent(self.hidden, self.cell, bidirectional=True, name="recurrent")
        y, last = both(x, kept=ids != NULL, train=train)
        state = tuple(
            jnp.tanh(Dense(self.hidden, name=f"state{i}")(part.reshape(len(part), -1)))
            for i, part in enumerate(last)
        )
        return Dense(self.hidden, name="merge")(y), state


class SequenceClassifier(nn.Module):
    """Many-to-one: the class of a whole sequence, ids `(B, L)` -> logits `(B, num_classes)`."""

    vocabulary: int
    num_classes: int
    width: int = 32
    hidden: int = 64
    cell: str = "gru"

    @nn.compact
    def __call__(self, ids: Array, *, train: bool) -> Array:
        encoder = RecurrentEncoder(
            self.vocabulary, self.width, self.hidden, self.cell, name="encoder"
        )
        _, state = encoder(ids, train=train)
        return Dense(self.num_classes, name="head")(state[0])


class AttentionDecoderCell(nn.Module):
    """s_t = cell([y_{t-1}, c_t], s_{t-1}), c_t = sum_i a_{t,i} h_i, a = softmax(f(s_{t-1}, h)).

    Bahdanau et al. 2015, arXiv 1409.0473, section 3.1; f is "additive" or "dot". With "none" the
    encoder's last state is all that is known. One step: `(B, D)` -> `[s_t, c_t]` `(B, 2 H)`,
    weights `(B, L)`.
    """

    hidden: int
    cell: str = "gru"
    attention: str = "additive"

    def setup(self) -> None:
        check_one_of("AttentionDecoderCell: attention", self.attention, ATTENTIONS)
        self.core = CELLS[self.cell](self.hidden)
        if self.attention != "none":
            additive = self.attention == "additive"
            self.attend = AdditiveAttention(self.hidden) if additive else DotAttention()

    def __call__(
        self, state: State, y: Array, states: Array, kept: Array
    ) -> tuple[State, tuple[Array, Array]]:
        if self.attention == "none":
            context, weights = jnp.zeros_like(state[0]), jnp.zeros(kept.shape, jnp.float32)
        else:
            seen, a = self.attend(state[0][:, None], states, mask=kept[:, None])
            context, weights = seen[:, 0], a[:, 0]
        h, state = self.core(jnp.concatenate([y, context], axis=1), state)
        return state, (jnp.concatenate([h, context], axis=1), weights)


class Seq2Seq(nn.Module):
    """Encoder and decoder over one vocabulary: (source `(B, L)`, target `(B, T)`) ->.

    Logits of the token after each of the target's `(B, T, V)`, attention weights `(B, T, L)`.
    """

    vocabulary: int
    length: int  # most tokens of a source or target; any will do here
    width: int = 64
    hidden: int = 128
    cell: str = "gru"  # rnn, lstm or gru
    attention: str = "additive"  # none, dot or additive

    def setup(self) -> None:
        self.encoder = RecurrentEncoder(self.vocabulary, self.width, self.hidden, self.cell)
        self.embed = Embed(self.vocabulary, self.width)
        self.decoder = AttentionDecoderCell(self.hidden, self.cell, self.attention)
        self.head = Dense(self.vocabulary)

    def __call__(self, pair: tuple[Array, Array], *, train: bool) -> tuple[Array, Array]:
        source, target = pair
        check_rank("Seq2Seq: target", target, 2)
        memory = self.start(source, train=train)
        fixed = (memory["states"], memory["kept"])
        over_time = nn.scan(
            lambda cell, state, y: cell(state, y, *fixed),
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )
        _, (out, weights) = over_time(self.decoder, memory["state"], self.embed(target))
        return self.head(out), weights

    def start(self, source: Array, *, train: bool = False) -> Memory:
        """What the decoder needs of the source: every array has the batch as its first axis."""
        states, state = self.encoder(source, train=train)
        return {"states": states, "kept": source != NULL, "state": state}

    def step(self, ids: Array, memory: Memory) -> tuple[Array, Memory]:
        """One token of the target `(B,)` -> logits of the next `(B, V)`."""
        y = self.embed(ids)
        state, (out, _) = self.decoder(memory["state"], y, memory["states"], memory["kept"])
        return self.head(out), {**memory, "state": state}
