"""Style transfer in one pass: a network that draws a photograph in one of several styles."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.ops.resize import resize
from jaxdl.typing import Array

SMALLEST = 20  # pixels of a side whose edges can be mirrored everywhere


class StyleNorm(nn.Module):
    """Conditional instance normalization (Dumoulin et al. 2017, arXiv 1610.07629, eq. 5).

    y = gamma_s (x - mean) / std + beta_s over the positions of each picture and channel, gamma and
    beta of style s; for mixed styles their weighted means. x `(B, H, W, C)`, mix `(B, S)`.
    Parameters: `scale`, `bias` `(S, C)`.
    """

    eps: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, mix: Array) -> Array:
        shape = (mix.shape[1], x.shape[-1])
        scale = self.param("scale", nn.initializers.ones, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
        mean = x.mean((1, 2), keepdims=True)
        var = jnp.square(x - mean).mean((1, 2), keepdims=True)
        y = (x - mean) * jax.lax.rsqrt(var + self.eps)
        return y * (mix @ scale)[:, None, None] + (mix @ bias)[:, None, None]


class StyleNet(nn.Module):
    """A picture in, the same in a style out (Johnson et al. 2016, arXiv 1603.08155, appendix).

    9x9 convolution, two 3x3/2, residual blocks of two 3x3, two times enlarged (nearest pixel) and
    3x3, 9x9; edges mirrored, conditional instance norm behind each convolution, a sigmoid at the
    end: thinner than the paper's, and with resizing for its transposed convolutions, against
    checkerboards (Odena et al. 2016). Pictures `(B, H, W, 3)` in [0, 1] -> the same; H and W must
    be at least 20. `mix` `(B, styles)`: how much of each style; None: all the same.
    """

    styles: int
    features: int = 16
    blocks: int = 3

    @nn.compact
    def __call__(self, x: Array, mix: Array | None = None, *, train: bool) -> Array:
        check_rank("StyleNet: x", x, 4)
        if min(x.shape[1:3]) < SMALLEST:
            least = f"{SMALLEST}x{SMALLEST}"
            raise UsageError(f"StyleNet: a picture must have {least} pixels, got {x.shape[1:3]}")
        if mix is None:
            mix = jnp.full((len(x), self.styles), 1 / self.styles)
        size, features = x.shape[1:3], self.features
        middle = (-(-size[0] // 2), -(-size[1] // 2))
        y = self._unit(x - 0.5, mix, features, 9, name="in")
        y = self._unit(y, mix, 2 * features, 3, 2, name="down1")
        y = self._unit(y, mix, 4 * features, 3, 2, name="down2")
        for i in range(1, self.blocks + 1):
            z = self._unit(y, mix, 4 * features, 3, name=f"block{i}_1")
            y = y + self._unit(z, mix, 4 * features, 3, act=False, name=f"block{i}_2")
        y = resize(y, middle, method="nearest")
        y = self._unit(y, mix, 2 * features, 3, name="up1")
        y = resize(y, (size[0], size[1]), method="nearest")
        y = self._unit(y, mix, features, 3, name="up2")
        return jax.nn.sigmoid(self._unit(y, mix, 3, 9, act=False, name="out"))

    def _unit(
        self,
        x: Array,
        mix: Array,
        features: int,
        size: int,
        stride: int = 1,
        *,
        act: bool = True,
        name: str,
    ) -> Array:
        edge = size // 2
        x = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect")
        x = Conv(features, size, stride, use_bias=False, name=name)(x)
        x = StyleNorm(name=f"{name}_norm")(x, mix)
        return jax.nn.relu(x) if act else x
