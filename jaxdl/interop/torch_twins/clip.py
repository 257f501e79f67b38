"""CLIP as a PyTorch user writes it: two encoders, a linear layer each, the symmetric loss."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jaxdl.interop.torch_twins.trainer import Trainer, given
from jaxdl.typing import Batch


class TextEncoder(nn.Module):
    """Embedding, learned positions - (linear) - pre-norm Transformer - mean; token 0 is padding."""

    def __init__(
        self,
        vocabulary: int,
        length: int,
        *,
        width: int,
        depth: int,
        heads: int,
        hidden: int,
        word_width: int = 0,
    ) -> None:
        super().__init__()
        words = word_width or width
        self.embed = nn.Embedding(vocabulary, words)
        self.positions = nn.Parameter(0.02 * torch.randn(length, words))
        self.widen = nn.Linear(words, width) if words != width else None
        self.blocks = None
        if depth:
            layer = nn.TransformerEncoderLayer(
                width, heads, hidden, dropout=0.0, batch_first=True, norm_first=True
            )
            norm = nn.LayerNorm(width)
            self.blocks = nn.TransformerEncoder(layer, depth, norm, enable_nested_tensor=False)

    def forward(self, ids: Tensor) -> Tensor:
        seen = ids != 0
        x = math.sqrt(self.embed.embedding_dim) * self.embed(ids) + self.positions[: ids.shape[1]]
        if self.widen is not None:
            x = self.widen(x)
        if self.blocks is not None:
            x = self.blocks(x, src_key_padding_mask=~seen)
        weight = seen[..., None].to(x.dtype)
        return (x * weight).sum(1) / weight.sum(1).clamp(min=1)


class CLIP(nn.Module):
    """Images `(B, C, H, W)` and ids `(B, L)` -> unit vectors of both, the log of the scale."""

    def __init__(
        self, image_encoder: nn.Module, features: int, text_encoder: TextEncoder, dim: int
    ) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.image_head = nn.Linear(features, dim, bias=False)
        widen, embed = text_encoder.widen, text_encoder.embed
        width = embed.embedding_dim if widen is None else widen.out_features
        self.text_head = nn.Linear(width, dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, image: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        image = F.normalize(self.image_head(self.image_encoder(image)), dim=1)
        text = F.normalize(self.text_head(self.text_encoder(ids)), dim=1)
        return image, text, self.log_scale


def clip_loss(image: Tensor, text: Tensor, log_scale: Tensor) -> Tensor:
    """The mean loss of `(B, D)` twice, scaled by at most 100."""
    logits = log_scale.exp().clamp(max=100) * image @ text.T
    own = torch.arange(len(image), device=image.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


class PairTrainer(Trainer):
    """The symmetric loss of pictures and their texts, under one optimizer."""

    def forward(self, batch: Batch) -> Any:
        """Vectors of both, and the log of the scale."""
        image, ids = given(batch)
        return self.module(self.cast(image), self.cast(ids))

    def backward(self, batch: Batch) -> float:
        """Gradients of the mean loss into the parameters; the loss."""
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        loss = clip_loss(*self.forward(batch))
        loss.backward()
        return float(loss.detach())
