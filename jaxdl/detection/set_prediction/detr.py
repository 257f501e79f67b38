"""DETR: a transformer that gives a set of boxes (Carion et al. 2020, arXiv 2005.12872)."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.dense.one_stage import backbone_features
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.sequence.transformer import Block, LayerNorm
from jaxdl.ops.boxes.geometry import center_to_corners
from jaxdl.ops.position_encoding import sincos_grid
from jaxdl.typing import Array


class SetPredictions(NamedTuple):
    """Of Q queries after each of L decoder layers; the last one is the answer."""

    classes: Array  # (B, L, Q, K + 1) logits; the last is "no object"
    boxes: Array  # (B, L, Q, 4): center x, y, width, height, parts of the picture


class DETR(nn.Module):
    """Backbone - 1x1 conv - encoder over its cells - decoder over queries - class and box of each.

    `(B, H, W, C)` -> `SetPredictions` (figure 2 and section A.3). Sines of y and x are added to
    queries and keys in every attention of the encoder and to the keys that the decoder looks at;
    learned vectors, one a query, to the queries and keys of the decoder, whose input is zero. All
    of its layers share the last norm and the heads, so that each can be trained.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    num_queries: int = 100
    width: int = 256
    heads: int = 8
    hidden: int = 2048
    encoder_depth: int = 6
    decoder_depth: int = 6
    dropout: float = 0.1
    norm_first: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> SetPredictions:
        y = Conv(self.width, 1, name="project")(
            backbone_features(self.backbone, self.stage, x, train)
        )
        rows, height, width, _ = y.shape
        at = jnp.asarray(sincos_grid(height, width, self.width))[None]  # (1, H W, D)
        memory = self._encode(y.reshape(rows, height * width, self.width), at, train)
        decoded = self._decode(memory, at, train)  # (B, L, Q, D)
        classes = Dense(self.num_classes + 1, name="classes")(decoded)
        for i in (1, 2):
            decoded = jax.nn.relu(Dense(self.width, name=f"box_hidden{i}")(decoded))
        return SetPredictions(classes, jax.nn.sigmoid(Dense(4, name="boxes")(decoded)))

    def _encode(self, y: Array, at: Array, train: bool) -> Array:
        for i in range(1, self.encoder_depth + 1):
            y, _ = self._block(f"encoder{i}", cross=False)(y, positions=at, train=train)
        return LayerNorm(name="encoder_norm")(y) if self.norm_first else y

    def _decode(self, memory: Array, at: Array, train: bool) -> Array:
        queries = self.param(
            "queries", nn.initializers.normal(1.0), (self.num_queries, self.width), jnp.float32
        )
        norm, outs = LayerNorm(name="decoder_norm"), []
        y = jnp.zeros((len(memory), *queries.shape), memory.dtype)
        for i in range(1, self.decoder_depth + 1):
            block = self._block(f"decoder{i}", cross=True)
            y, _ = block(y, memory, positions=queries[None], memory_positions=at, train=train)
            outs.append(norm(y))
        return jnp.stack(outs, axis=1)

    def _block(self, name: str, *, cross: bool) -> Block:
        return Block(
            self.heads,
            self.width,
            self.hidden,
            cross,
            self.dropout,
            norm_first=self.norm_first,
            name=name,
        )


def detr_candidates(out: SetPredictions, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Each query's likeliest class but "no object": boxes `(B, Q, 4)` in pixels, scores, labels."""
    chance = jax.nn.softmax(out.classes[:, -1])[..., :-1]
    height, width = size
    pixels = jnp.array([width, height, width, height], jnp.float32)
    boxes = center_to_corners(out.boxes[:, -1]) * pixels[None, None]
    return boxes, jnp.max(chance, axis=-1), jnp.argmax(chance, axis=-1).astype(jnp.int32)
