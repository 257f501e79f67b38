"""Vision Transformer."""

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.layers.residual import WIRINGS, deepnorm_gain, residual, scaled
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, Host, Key

xavier = nn.initializers.xavier_uniform()
# Means and variances around the mean, in float32; torch's epsilon for these models.
LayerNorm = partial(nn.LayerNorm, epsilon=1e-6, use_fast_variance=False)


class SelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D / heads)) V for every head, then a linear layer (arXiv 1706.03762).

    `(B, L, D)` -> the same. `qkv` holds the queries of all heads, then the keys, then the values.
    The kernels of values and output start `gain` times as large as Xavier's.
    """

    heads: int
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        batch, tokens, width = x.shape
        dense = partial(Dense, dtype=x.dtype)
        gains = np.repeat(np.array([1, 1, self.gain], np.float32), width)[None]

        def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
            return xavier(key, shape, dtype) * gains

        qkv = dense(3 * width, kernel_init=init, name="qkv")(x)
        split = qkv.reshape(batch, tokens, 3, self.heads, width // self.heads)
        y = jax.nn.dot_product_attention(split[:, :, 0], split[:, :, 1], split[:, :, 2])
        last = scaled(xavier, self.gain)
        return dense(width, kernel_init=last, name="out")(y.reshape(batch, tokens, width))


class EncoderBlock(RepeatedBlock):
    """x + attention(norm(x)), then x + MLP(norm(x)), the MLP with exact GELU: `(B, L, D)`.

    `wiring` post and deepnorm place the norms otherwise, see `residual`; `depth` is the number of
    blocks.
    """

    heads: int
    hidden: int
    dropout: float = 0.0
    wiring: str = "pre"
    depth: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        gain = deepnorm_gain(self.wiring, self.depth)
        dense = partial(Dense, kernel_init=scaled(xavier, gain), dtype=x.dtype)
        drop = partial(nn.Dropout, self.dropout, deterministic=not train)
        norm = partial(LayerNorm, dtype=x.dtype)
        join = partial(residual, self.wiring, depth=self.depth)

        def attend(y: Array) -> Array:
            return drop(name="drop1")(SelfAttention(self.heads, gain, name="attention")(y))

        def mlp(y: Array) -> Array:
            width = y.shape[-1]
            y = jax.nn.gelu(dense(self.hidden, name="fc1")(y), approximate=False)
            y = dense(width, name="fc2")(drop(name="drop2")(y))
            return drop(name="drop3")(y)

        x = join(x, attend, norm(name="norm1"))
        return join(x, mlp, norm(name="norm2"))


class ViT(nn.Module):
    """Patches - positions - encoder blocks - norm - class token or mean - linear.

    Dosovitskiy et al. 2021, arXiv 2010.11929. `(B, H, W, C)`, H and W multiples of `patch`, ->
    logits `(B, num_classes)`; stages `patches` `(B, H / patch, W / patch, width)`, `block1`, ...
    `(B, L, width)`, `tokens`, `pooled`. Learned positions fit the size that the model was made
    for; `resample_positions` takes them to another.
    """

    num_classes: int
    patch: int = 16  # pixels of a patch's side
    width: int = 768  # of every token
    depth: int = 12  # blocks
    heads: int = 12  # of each attention
    hidden: int = 3072  # width of each MLP
    pool: str = "token"  # what the classifier sees: a class token, or the mean of all tokens
    positions: str = "learned"  # learned, or sincos: fixed sines and cosines
    dropout: float = 0.0  # chance that a value is dropped after each part, in training
    wiring: str = "pre"  # where the norms stand: pre, post or deepnorm (these two have no last one)

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("ViT: x", x, 4)
        check_one_of("ViT: pool", self.pool, ("token", "mean"))
        check_one_of("ViT: positions", self.positions, ("learned", "sincos"))
        check_one_of("ViT: wiring", self.wiring, WIRINGS)
        height, width, p = *x.shape[1:3], self.patch
        if height % p or width % p:
            raise ValueError(
                f"ViT: image {height}x{width} must divide into {p}x{p} patches; resize or pad it"
            )
        out: Stages = {}
        init = nn.initializers.lecun_normal()
        x = out["patches"] = Conv(self.width, p, p, kernel_init=init, name="patches")(x)
        grid = x.shape[1:3]
        x = x.reshape(x.shape[0], -1, self.width)
        if self.pool == "token":
            token = self.param("token", nn.initializers.zeros, (self.width,), jnp.float32).astype(
                x.dtype
            )
            x = jnp.concatenate([jnp.broadcast_to(token, (len(x), 1, self.width)), x], axis=1)
        x = x + self.position_table(grid, x.shape[1]).astype(x.dtype)[None]
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        for i in range(1, self.depth + 1):
            options = self.heads, self.hidden, self.dropout, self.wiring, self.depth
            block = EncoderBlock(*options, name=f"block{i}")
            x = out[f"block{i}"] = block(x, train=train)
        x = LayerNorm(dtype=x.dtype, name="norm")(x) if self.wiring == "pre" else x
        out["tokens"] = x
        x = out["pooled"] = x[:, 0] if self.pool == "token" else x.mean(1)
        if self.num_classes:
            zeros = nn.initializers.zeros
            x = out["logits"] = Dense(self.num_classes, kernel_init=zeros, name="head")(x)
        return out if stages else x

    def position_table(self, grid: tuple[int, ...], tokens: int) -> Array:
        """What is added to the tokens, `(L, width)`."""
        if self.positions == "sincos":
            table = sincos_positions(grid, self.width)
            first = np.zeros((tokens - len(table), self.width), np.float32)  # the class token's
            return jnp.asarray(np.concatenate([first, table]))
        if self.has_variable("params", "positions"):
            known = self.get_variable("params", "positions").shape[0]
            if known != tokens:
                raise ValueError(
                    f"ViT: the learned positions are for {known} tokens, an image of "
                    f"{grid[0]}x{grid[1]} patches has {tokens}; see resample_positions"
                )
        return self.param(
            "positions", nn.initializers.normal(0.02), (tokens, self.width), jnp.float32
        )


def resample_positions(params: Any, grid: tuple[int, int]) -> Any:
    """The parameters of a ViT with its learned positions for another grid of patches.

    They are resized as an image (bicubic, antialiased, as timm does), a class token's is kept. The
    grid that they were learned on must be square.
    """
    table = params["positions"]
    first = int("token" in params)
    side = math.isqrt(len(table) - first)
    if side * side != len(table) - first:
        raise ValueError(f"resample_positions: {len(table) - first} positions are no square grid")
    image = table[first:].reshape(1, side, side, -1)
    image = resize(image, grid, method="bicubic", antialias=True)
    new = jnp.concatenate([table[:first], image.reshape(grid[0] * grid[1], -1)])
    return {**params, "positions": new}


def sincos_positions(grid: tuple[int, ...], width: int, *, temperature: float = 10000.0) -> Host:
    """Sines and cosines of the column, then of the row, `(rows * columns, width)`.

    With d = width / 4 and w_k = temperature^(-k / d): sin(x w_k), cos(x w_k), sin(y w_k),
    cos(y w_k), k = 0 .. d - 1 (Chen et al. 2021, arXiv 2104.02057, section 3).
    """
    if width % 4:
        raise ValueError(f"sincos_positions: width must be a multiple of 4, got {width}")
    y, x = (axis.reshape(-1, 1) for axis in np.mgrid[: grid[0], : grid[1]].astype(np.float64))
    omega = temperature ** -(np.arange(width // 4) / (width // 4))
    parts = [np.sin(x * omega), np.cos(x * omega), np.sin(y * omega), np.cos(y * omega)]
    return np.concatenate(parts, axis=1).astype(np.float32)


@register("vit_ti_16")
class ViTTi16(ViT):
    """Tiny, 16x16 patches (Touvron et al. 2021, arXiv 2012.12877)."""

    width: int = 192
    heads: int = 3
    hidden: int = 768


@register("vit_s_16")
class ViTS16(ViT):
    """Small, 16x16 patches (arXiv 2012.12877)."""

    width: int = 384
    heads: int = 6
    hidden: int = 1536


@register("vit_b_16")
class ViTB16(ViT):
    """Base, 16x16 patches (arXiv 2010.11929, table 1)."""


@register("vit_b_32")
class ViTB32(ViT):
    """Base, 32x32 patches."""

    patch: int = 32


@register("vit_l_16")
class ViTL16(ViT):
    """Large, 16x16 patches."""

    width: int = 1024
    depth: int = 24
    heads: int = 16
    hidden: int = 4096


@register("vit_l_32")
class ViTL32(ViTL16):
    """Large, 32x32 patches."""

    patch: int = 32


@register("cifar_vit")
class CIFARViT(ViT):
    """For 32x32 images: 4x4 patches, six blocks of width 192, the mean of all tokens."""

    patch: int = 4
    width: int = 192
    depth: int = 6
    heads: int = 3
    hidden: int = 384
    pool: str = "mean"
