"""Swin Transformer: attention within windows that shift from block to block."""

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.drop import DropPath
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.activation import gelu_exact
from jaxdl.typing import Array, Host

small = nn.initializers.truncated_normal(0.02)
LayerNorm = partial(nn.LayerNorm, epsilon=1e-5, use_fast_variance=False)
APART = -100.0  # added to the scores of tokens that only the shift has brought together


def relative_positions(window: int) -> Host:
    """The row of the bias table of every pair of tokens of a window: `(window**4,)` int64.

    Offsets (dy, dx), each from -(window - 1), are numbered row by row.
    """
    y, x = np.divmod(np.arange(window * window), window)
    dy, dx = (a[:, None] - a[None] + window - 1 for a in (y, x))
    return (dy * (2 * window - 1) + dx).reshape(-1)


def shifted_apart(height: int, width: int, window: int, shift: Sequence[int]) -> Host:
    """`(windows, L, L)` float32: 0 for tokens that were neighbors before the shift, else -100."""
    parts = np.zeros((height, width), int)
    for axis, (size, by) in enumerate(((height, shift[0]), (width, shift[1]))):
        at = np.arange(size)
        part = np.where(at < size - window, 0, np.where(at < size - by, 1, 2)) * (by > 0)
        parts += np.expand_dims(part * (3 if axis == 0 else 1), 1 - axis)
    split = parts.reshape(height // window, window, width // window, window)
    split = split.transpose(0, 2, 1, 3).reshape(-1, window * window)
    return np.where(split[:, :, None] != split[:, None], APART, 0.0).astype(np.float32)


class WindowAttention(nn.Module):
    """Attention of each token to those of its window, with a learned bias for each offset.

    softmax(Q K^T / sqrt(d) + B) V in every window of `window` x `window` tokens, after the map was
    rolled by `shift` (Liu et al. 2021, arXiv 2103.14030, eq. 4 and figure 4): `(B, H, W, C)` -> the
    same. Maps are padded with zeros to whole windows; one that has a single window is not rolled.
    """

    heads: int
    window: int
    shift: int = 0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        (batch, height, width, channels), n = x.shape, self.window
        pads = [(0, -side % n) for side in (height, width)]
        x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
        rows, columns = x.shape[1:3]
        shift = tuple(0 if n >= side else self.shift for side in (rows, columns))
        x = jnp.roll(x, (-shift[0], -shift[1]), (1, 2))
        x = x.reshape(batch, rows // n, n, columns // n, n, channels)
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, n * n, channels)
        dense = partial(Dense, kernel_init=small, dtype=x.dtype)
        qkv = dense(3 * channels, name="qkv")(x)
        qkv = qkv.reshape(len(x), n * n, 3, self.heads, channels // self.heads)
        bias = self._bias()
        if any(shift):
            apart = jnp.asarray(shifted_apart(rows, columns, n, shift))  # (windows, L, L)
            bias = jnp.tile(bias + apart[:, None], (batch, 1, 1, 1))
        bias = bias.astype(x.dtype)
        y = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], bias)
        y = dense(channels, name="out")(y.reshape(len(x), n * n, channels))
        y = y.reshape(batch, rows // n, columns // n, n, n, channels)
        y = y.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, channels)
        return jnp.roll(y, shift, (1, 2))[:, :height, :width]

    def _bias(self) -> Array:
        """`(1, heads, L, L)`: what is added to the score of each pair of tokens."""
        tokens, offsets = self.window**2, (2 * self.window - 1) ** 2
        table = self.param("bias_table", small, (offsets, self.heads), jnp.float32)
        bias = table[relative_positions(self.window)].reshape(tokens, tokens, self.heads)
        return bias.transpose(2, 0, 1)[None]


class SwinBlock(RepeatedBlock):
    """x + attention(norm(x)), then x + MLP(norm(x)), the MLP with exact GELU: `(B, H, W, C)`."""

    heads: int
    window: int
    shift: int
    hidden: int
    drop_path: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        norm = partial(LayerNorm, dtype=x.dtype)
        drop = partial(DropPath, self.drop_path, deterministic=not train)
        attention = WindowAttention(self.heads, self.window, self.shift, name="attention")
        x = x + drop(name="drop1")(attention(norm(name="norm1")(x)))
        xavier, near_zero = nn.initializers.xavier_uniform(), nn.initializers.normal(1e-6)
        dense = partial(Dense, kernel_init=xavier, bias_init=near_zero, dtype=x.dtype)
        y = gelu_exact(dense(self.hidden, name="fc1")(norm(name="norm2")(x)))
        return x + drop(name="drop2")(dense(x.shape[-1], name="fc2")(y))


class PatchMerging(nn.Module):
    """The four tokens of each 2x2 side by side, norm, linear to 2 C.

    `(B, H, W, C)` -> `(B, ceil(H / 2), ceil(W / 2), 2 C)`.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1]
        x = jnp.pad(x, [(0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)])
        four = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        x = LayerNorm(name="norm", dtype=x.dtype)(jnp.concatenate(four, axis=-1))
        dense = partial(Dense, use_bias=False, kernel_init=small, dtype=x.dtype)
        return dense(2 * channels, name="reduction")(x)


@register("swin_t")
class Swin(nn.Module):
    """4x4/4 conv - four stages of window attention, patches merged between - norm - mean - linear.

    Liu et al. 2021, arXiv 2103.14030, figure 3. `(B, H, W, C)` -> logits `(B, num_classes)`; stages
    `stem`, `stage1` ... `stage4` (strides 4, 8, 16, 32), `pooled`.
    """

    num_classes: int
    depths: tuple[int, ...] = (2, 2, 6, 2)  # blocks of each stage; every second one shifts
    heads: tuple[int, ...] = (3, 6, 12, 24)  # of each stage
    width: int = 96  # features of the first stage; each later one has twice as many
    patch: int = 4  # side of the first patches in pixels
    window: int = 7  # side of a window in tokens
    mlp_ratio: float = 4.0  # width of the MLPs as a multiple
    drop_path: float = 0.2  # chance of the last block's branches, growing from 0 at the first

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("Swin: x", x, 4)
        out: Stages = {}
        norm = partial(LayerNorm, dtype=x.dtype)
        x = Conv(self.width, self.patch, self.patch, name="patches")(x)
        x = out["stem"] = norm(name="patches_norm")(x)
        count, at = sum(self.depths), 0
        for stage, (depth, heads) in enumerate(zip(self.depths, self.heads, strict=True), 1):
            if stage > 1:
                x = PatchMerging(name=f"merge{stage}")(x)
            for i in range(depth):
                block = SwinBlock(
                    heads,
                    self.window,
                    i % 2 * (self.window // 2),
                    int(x.shape[-1] * self.mlp_ratio),
                    self.drop_path * at / max(count - 1, 1),
                    name=f"stage{stage}_block{i + 1}",
                )
                x, at = block(x, train=train), at + 1
            out[f"stage{stage}"] = x
        x = out["pooled"] = norm(name="norm")(x).mean((1, 2))
        if self.num_classes:
            x = out["logits"] = Dense(self.num_classes, kernel_init=small, name="head")(x)
        return out if stages else x
