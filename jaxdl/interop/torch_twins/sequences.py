"""Models of token sequences as a PyTorch user writes them: ids in, logits (B, T, V) out."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CharacterModel(nn.Module):
    """Embedding (0: one-hot) - RNN, LSTM or GRU - linear: ids (B, T) -> logits (B, T, V), state."""

    def __init__(
        self, vocabulary: int, *, embedding: int, hidden: int, layers: int, cell: str = "lstm"
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embed = nn.Embedding(vocabulary, embedding) if embedding else None
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.recurrent = layer(embedding or vocabulary, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if self.embed is None:
            x = F.one_hot(ids, self.vocabulary).to(self.head.weight.dtype)
        else:
            x = self.embed(ids)
        y, state = self.recurrent(x, state)
        return self.head(y), state


class Translator(nn.Module):
    """Transformer encoder and decoder with sines and cosines as positions; token 0 is padding."""

    def __init__(
        self, vocabulary: int, length: int, width: int, heads: int, depth: int, hidden: int
    ) -> None:
        super().__init__()
        self.source_embed = nn.Embedding(vocabulary, width)
        self.target_embed = nn.Embedding(vocabulary, width)
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        encoder = nn.TransformerEncoderLayer(width, heads, hidden, **options)
        decoder = nn.TransformerDecoderLayer(width, heads, hidden, **options)
        norms = nn.LayerNorm(width), nn.LayerNorm(width)
        self.encoder = nn.TransformerEncoder(encoder, depth, norms[0], enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, depth, norms[1])
        self.head = nn.Linear(width, vocabulary)
        rate = torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
        angle = torch.arange(length)[:, None] * rate
        table = torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
        self.register_buffer("table", table, persistent=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        padding = source == 0
        memory = self.encoder(self.place(self.source_embed, source), src_key_padding_mask=padding)
        later = nn.Transformer.generate_square_subsequent_mask(
            target.shape[1], device=target.device
        )
        y = self.decoder(
            self.place(self.target_embed, target),
            memory,
            tgt_mask=later,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return self.head(y)

    def place(self, embed: nn.Embedding, ids: Tensor) -> Tensor:
        x = math.sqrt(embed.embedding_dim) * embed(ids)
        return x + self.get_buffer("table")[: ids.shape[1]]
