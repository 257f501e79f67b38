"""Attention over space and over time, one after the other."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.stages import Stages
from jaxdl.models.transformers.vit import LayerNorm, SelfAttention
from jaxdl.typing import Array


class DividedBlock(RepeatedBlock):
    """x + attention over time, then + attention over space, then + MLP, norms first.

    "Divided space-time attention" (Bertasius et al. 2021, arXiv 2102.05095, eq. 5 to 9; ViViT's
    third model, Arnab et al. 2021, arXiv 2103.15691). `(B, T, N, D)` -> the same: a token looks at
    the tokens of its place at other times, then at those of its time at other places.
    """

    heads: int
    hidden: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        b, t, n, d = x.shape
        drop = partial(nn.Dropout, self.dropout, deterministic=not train)
        y = LayerNorm(name="norm_time")(x).swapaxes(1, 2).reshape(b * n, t, d)
        y = SelfAttention(self.heads, name="time")(y).reshape(b, n, t, d).swapaxes(1, 2)
        x = x + drop(name="drop_time")(y)
        y = LayerNorm(name="norm_space")(x).reshape(b * t, n, d)
        y = SelfAttention(self.heads, name="space")(y).reshape(b, t, n, d)
        x = x + drop(name="drop_space")(y)
        y = Dense(self.hidden, name="fc1")(LayerNorm(name="norm_mlp")(x))
        y = Dense(d, name="fc2")(jax.nn.gelu(y, approximate=False))
        return x + drop(name="drop_mlp")(y)


class SpaceTimeTransformer(nn.Module):
    """Tubelets - positions - divided blocks - norm - mean - linear.

    `(B, T, H, W, C)`, T a multiple of `tubelet`, H and W of `patch`, -> logits `(B, num_classes)`.
    A token is a tubelet of `tubelet x patch x patch` pixels (ViViT, section 3.2). Learned positions
    of place and of time are added. The mean of all tokens is classified, where the papers add a
    token for it.
    """

    num_classes: int
    patch: int = 16  # pixels of a tubelet's side
    tubelet: int = 2  # frames of a tubelet
    width: int = 768  # of every token
    depth: int = 12  # blocks
    heads: int = 12  # of each attention
    hidden: int = 3072  # width of each MLP
    dropout: float = 0.0  # chance that a value is dropped after each part, in training

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SpaceTimeTransformer: x", x, 5)
        size = (self.tubelet, self.patch, self.patch)
        if any(side % part for side, part in zip(x.shape[1:4], size, strict=True)):
            raise ValueError(
                f"SpaceTimeTransformer: a clip of {x.shape[1:4]} must divide into tubelets of "
                f"{size}; choose another patch and tubelet, or resize it"
            )
        init = nn.initializers.lecun_normal()
        out: Stages = {}
        x = out["tubelets"] = Conv(self.width, size, size, kernel_init=init, name="tubelets")(x)
        b, t, h, w, d = x.shape
        normal = nn.initializers.normal(0.02)
        x = x.reshape(b, t, h * w, d)
        x = x + self.param("place", normal, (h * w, d), jnp.float32).astype(x.dtype)[None, None]
        x = x + self.param("time", normal, (t, 1, d), jnp.float32).astype(x.dtype)[None]
        for i in range(1, self.depth + 1):
            block = DividedBlock(self.heads, self.hidden, self.dropout, name=f"block{i}")
            x = out[f"block{i}"] = block(x, train=train)
        x = out["pooled"] = LayerNorm(name="norm")(x).mean((1, 2))
        out["logits"] = Dense(self.num_classes, name="head")(x)
        return out if stages else out["logits"]
