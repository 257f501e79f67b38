"""Pictures whose forms and colors are seen apart, so that new pairs of both are no new thing."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.typing import Array


class FormAndColor(nn.Module):
    """`form`, a network of its own, sees edges without color; a small one colors without places.

    `(B, H, W, C)` -> `(B, D + colors)`: what `form` makes of `edges (B, H, W, 1)`, then the largest
    answers of two layers that see one pixel at a time. So nothing but their sum, in what follows,
    can tell a form in one color from the same form in another.
    """

    form: nn.Module
    hidden: int = 16
    colors: int = 32

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("FormAndColor: x", x, 4)
        form = self.form(edges(x), train=train)  # pyright: ignore[reportCallIssue]
        pixel = jax.nn.relu(Dense(self.hidden, name="color1")(x))
        color = jnp.max(Dense(self.colors, name="color2")(pixel), axis=(1, 2))
        return jnp.concatenate([form, color], axis=1)


def edges(x: Array) -> Array:
    """How much the color changes at each pixel, over the root mean square of that in its picture.

    The length of the steps to the pixels below and on the right (0 behind the last): a rotation,
    mirror image or scale of the space of colors changes nothing. `(B, H, W, C)` ->
    `(B, H, W, 1)`; a picture of one color is 0, with finite gradients.
    """
    down = jnp.diff(x, axis=1, append=x[:, -1:])
    right = jnp.diff(x, axis=2, append=x[:, :, -1:])
    square = jnp.sum(down**2 + right**2, axis=3, keepdims=True)
    mean = jnp.mean(square, axis=(1, 2, 3), keepdims=True)
    length = jnp.sqrt(jnp.where(square > 0, square, 1))
    return jnp.where(square > 0, length * jax.lax.rsqrt(mean + 1e-12), 0)
