"""Masked autoencoder (He et al. 2022, arXiv 2111.06377)."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.models.transformers.vit import EncoderBlock, LayerNorm, sincos_positions
from jaxdl.typing import Array, Key


class MaskedAutoencoder(nn.Module):
    """A ViT that sees some patches of an image, and a small one that tells all of them.

    `batch` has `image (B, H, W, C)` and `order (B, L)`, a permutation of the patches, of which the
    first `kept` are seen -> `(B, L, patch^2 C)`, row by row. Positions are sines and cosines, so
    that `features`, the mean of the encoder's tokens of whole images, `(B, width)`, take any size.
    """

    kept: int
    patch: int = 4
    width: int = 96
    depth: int = 4
    heads: int = 3
    decoder_width: int = 48
    decoder_depth: int = 1

    def setup(self) -> None:
        init = nn.initializers.lecun_normal()
        self.embed = Conv(self.width, self.patch, self.patch, kernel_init=init)
        block = partial(EncoderBlock, self.heads, hidden=2 * self.width)
        self.encoder = [block(name=f"encoder{i + 1}") for i in range(self.depth)]
        self.norm = LayerNorm()
        small = partial(EncoderBlock, self.heads, hidden=2 * self.decoder_width)
        self.bridge = Dense(self.decoder_width)
        self.token = self.param(
            "token", nn.initializers.normal(0.02), (self.decoder_width,), jnp.float32
        )
        self.decoder = [small(name=f"decoder{i + 1}") for i in range(self.decoder_depth)]
        self.decoder_norm = LayerNorm()
        self.out = Dense(self.patch**2 * 3)

    def __call__(self, batch: dict[str, Array], *, train: bool) -> Array:
        image, order = batch["image"], batch["order"]
        grid = tuple(side // self.patch for side in image.shape[1:3])
        seen = take_rows(self.tokens(image), order[:, : self.kept])
        seen = self.bridge(self.encode(seen, train=train))
        hidden = jnp.broadcast_to(
            self.token[None, None], (len(image), order.shape[1] - self.kept, self.decoder_width)
        )
        everything = jnp.concatenate([seen, hidden], axis=1)
        x = take_rows(everything, jnp.argsort(order, axis=1))  # in their places again
        x = x + jnp.asarray(sincos_positions(grid, self.decoder_width))[None]
        for block in self.decoder:
            x = block(x, train=train)
        return self.out(self.decoder_norm(x))

    def tokens(self, image: Array) -> Array:
        """Patches with their positions: `(B, L, width)`."""
        x = self.embed(image)
        grid = x.shape[1:3]
        return (
            x.reshape(len(x), -1, self.width)
            + jnp.asarray(sincos_positions(grid, self.width))[None]
        )

    def encode(self, x: Array, *, train: bool) -> Array:
        """The encoder on some tokens: `(B, n, width)`."""
        for block in self.encoder:
            x = block(x, train=train)
        return self.norm(x)

    def features(self, x: Array, *, train: bool) -> Array:
        """The mean token of whole images: `(B, width)`."""
        return self.encode(self.tokens(x), train=train).mean(axis=1)


def take_rows(x: Array, rows: Array) -> Array:
    """`(B, L, D)`, `(B, n)` -> `(B, n, D)`."""
    return jnp.take_along_axis(x, rows[:, :, None], axis=1)


def draw_orders(keys: Key, length: int) -> Array:
    """A random permutation per row: `(B,)` -> `(B, length)`."""
    return jax.vmap(lambda key: jax.random.permutation(key, length))(keys)
