"""A generator whose noise enters as a style at every level, after StyleGAN, at small scale."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.generative.gan.networks import with_class
from jaxdl.layers.conv import Conv
from jaxdl.typing import Array

he = nn.initializers.he_normal()


class AdaIN(nn.Module):
    """scale(w) (x - mean) / std + bias(w) of each channel of each image (1703.06868, eq. 8).

    `x (B, H, W, C)`, `w (B, D)` -> the shape of x; scale starts at 1, bias at 0.
    """

    eps: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        mean = jnp.mean(x, axis=(1, 2), keepdims=True)
        var = jnp.mean((x - mean) ** 2, axis=(1, 2), keepdims=True)
        style = nn.Dense(2 * x.shape[-1], kernel_init=nn.initializers.normal(0.1), name="style")(w)
        scale, bias = jnp.split(style[:, None, None], 2, axis=-1)
        return (1 + scale) * (x - mean) / jnp.sqrt(var + self.eps) + bias


class StyleGenerator(nn.Module):
    """Mapping z -> w, then a learned constant, grown by styles (Karras et al. 2018, 1812.04948).

    `depth` layers of the mapping, of which the input has length 1 (root mean square); two levels,
    each twice as high and wide as the one before: [doubled -] 3x3 - AdaIN - leaky. `(B, Z)` ->
    `(B, H, W, C)` in [-1, 1], H and W multiples of 4.
    """

    shape: tuple[int, int, int]
    width: int = 128
    depth: int = 4
    features: tuple[int, ...] = (64, 64, 32)
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool) -> Array:
        times = 2 ** (len(self.features) - 1)
        height, width, channels = self.shape
        if height % times or width % times:
            raise ValueError(f"StyleGenerator: sizes must be multiples of {times}: {self.shape}")
        z = with_class(z, label, self.classes)
        w = z / jnp.sqrt(jnp.mean(z**2, axis=1, keepdims=True) + 1e-8)
        for i in range(1, self.depth + 1):
            w = nn.leaky_relu(nn.Dense(self.width, kernel_init=he, name=f"map{i}")(w), 0.2)
        start = (1, height // times, width // times, self.features[0])
        x = jnp.tile(
            self.param("start", nn.initializers.normal(1.0), start, jnp.float32), (len(z), 1, 1, 1)
        )
        for i, features in enumerate(self.features):
            if i:
                x = x.repeat(2, axis=1).repeat(2, axis=2)
            x = Conv(features, 3, padding=1, name=f"conv{i}")(x)
            x = nn.leaky_relu(AdaIN(name=f"adain{i}")(x, w), 0.2)
        return jnp.tanh(Conv(channels, 1, name="out")(x))
