"""VQ-VAE: images as grids of codes from a learned book."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.ops.distance import squared_euclidean
from jaxdl.ops.embedding_lookup import lookup
from jaxdl.typing import Array


class Residual(nn.Module):
    """x + 1x1(ReLU(3x3(ReLU(x)))): `(B, H, W, C)` -> the same."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = Conv(x.shape[-1], 3, padding=1, name="conv1")(nn.relu(x))
        return x + Conv(x.shape[-1], 1, name="conv2")(nn.relu(y))


class ToCode(nn.Module):
    """1x1 convolution - batch norm: `(B, H, W, C)` -> `(B, H, W, width)`, of the size of codes.

    Without the norm all values start close together, and one or two codes take them all (Lancucki
    et al. 2020, arXiv 2005.08520).
    """

    width: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        return BatchNorm(train, name="norm")(Conv(self.width, 1, use_bias=False, name="conv")(x))


class VQVAE(nn.Module):
    """Encoder, nearest code, decoder (van den Oord et al. 2017, arXiv 1711.00937).

    `(B, H, W, C)` in [0, 1], H and W multiples of 4, -> `{"logits": (B, H, W, C), "encoded",
    "quantized": (B, H / 4, W / 4, width), "codes": (B, H / 4, W / 4)}`. Gradients pass from the
    quantized values to the encoded ones unchanged (straight through). Two 4x4 convolutions of
    stride 2 and `blocks` residual ones on either side.
    """

    channels: int = 1
    codebook_size: int = 128
    code_dim: int = 32
    features: tuple[int, int] = (32, 64)
    blocks: int = 2

    def setup(self) -> None:
        first, second = self.features
        self.down1 = Conv(first, 4, 2, 1)
        self.down2 = Conv(second, 4, 2, 1)
        self.encoder_blocks = [Residual() for _ in range(self.blocks)]
        self.to_code = ToCode(self.code_dim)
        self.book = self.param(
            "book", nn.initializers.normal(1.0), (self.codebook_size, self.code_dim), jnp.float32
        )
        self.from_code = Conv(second, 3, padding=1)
        self.decoder_blocks = [Residual() for _ in range(self.blocks)]
        self.up1 = ConvTranspose(first, 4, 2, 1, gain=2.0)
        self.up2 = ConvTranspose(self.channels, 4, 2, 1)

    def __call__(self, image: Array, *, train: bool) -> dict[str, Array]:
        encoded = self.encode(image, train=train)
        codes = self.nearest(encoded)
        quantized = lookup(self.book, codes)
        passed = encoded + jax.lax.stop_gradient(quantized - encoded)
        logits = self.decode(passed)
        return {"logits": logits, "encoded": encoded, "quantized": quantized, "codes": codes}

    def encode(self, image: Array, *, train: bool) -> Array:
        """`(B, H, W, C)` -> `(B, H / 4, W / 4, width)`."""
        check_rank("VQVAE: image", image, 4)
        if image.shape[1] % 4 or image.shape[2] % 4:
            raise ValueError(f"VQVAE: image sizes must be multiples of 4, got {image.shape}")
        x = self.down2(nn.relu(self.down1(2 * image - 1)))
        for block in self.encoder_blocks:
            x = block(x)
        return self.to_code(nn.relu(x), train=train)

    def nearest(self, encoded: Array) -> Array:
        """The number of the nearest code of each position: `(..., width)` -> `(...)` int32."""
        flat = jax.lax.stop_gradient(encoded).reshape(-1, self.code_dim)
        gaps = squared_euclidean(flat, jax.lax.stop_gradient(self.book))
        return jnp.argmin(gaps, axis=1).astype(jnp.int32).reshape(encoded.shape[:-1])

    def decode(self, values: Array) -> Array:
        """`(B, h, w, width)` -> logits `(B, 4 h, 4 w, C)`."""
        x = self.from_code(values)
        for block in self.decoder_blocks:
            x = block(x)
        return self.up2(nn.relu(self.up1(nn.relu(x))))

    def decode_codes(self, codes: Array) -> Array:
        """`(B, h, w)` -> logits `(B, 4 h, 4 w, C)`."""
        return self.decode(lookup(self.book, codes))


def perplexity(codes: Array, size: int) -> Array:
    """exp of the entropy of how often each of `size` codes is used: from 1 to `size`."""
    share = jnp.float32(jnp.bincount(codes.ravel(), length=size)) / codes.size
    return jnp.exp(-jnp.sum(jax.scipy.special.xlogy(share, share)))
