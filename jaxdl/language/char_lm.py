"""A language model of characters: recurrent layers between an embedding and a linear layer."""

import flax.linen as nn

from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.embed import Embed
from jaxdl.layers.sequence.recurrent import Recurrent
from jaxdl.ops.rnn_scan import State
from jaxdl.typing import Array


class CharacterModel(nn.Module):
    """Logits of the next token at each place: ids `(B, T)` -> (`(B, T, vocabulary)`, state).

    `state` is carried from chunk to chunk (None: the start of a text). Tokens are one-hot where
    `embedding_dim` is 0.
    """

    vocabulary: int
    hidden: int = 256
    cell: str = "lstm"  # rnn, lstm or gru
    layers: int = 1
    embedding_dim: int = 0
    dropout: float = 0.0  # between layers and before the last, in training

    def setup(self) -> None:
        self.embed = Embed(self.vocabulary, self.embedding_dim)
        self.recurrent = Recurrent(self.hidden, self.cell, self.layers, dropout=self.dropout)
        self.drop = nn.Dropout(self.dropout)
        self.head = Dense(self.vocabulary)

    def __call__(
        self, ids: Array, state: State | None = None, *, train: bool
    ) -> tuple[Array, State]:
        x, state = self.recurrent(self.embed(ids), state, train=train)
        return self.head(self.drop(x, deterministic=not train)), state

    def step(self, ids: Array, state: State) -> tuple[Array, State]:
        """One token `(B,)` -> logits `(B, vocabulary)`, state."""
        logits, state = self(ids[:, None], state, train=False)
        return logits[:, 0], state

    def zero_state(self, batch: int) -> State:
        """The state at the start of a text."""
        return Recurrent(self.hidden, self.cell, self.layers, parent=None).zero_state(batch)
