"""Random changes of images on the device: one typed key per row, whose fate ignores its batch.

Every function takes `keys` `(B,)` and images `(B, H, W, C)`. Two of them must not share keys, or
their draws are the same numbers: `k1, k2 = split_rows(keys, 2)`.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_rank
from jaxdl.typing import Array, Key


def split_rows(keys: Key, num: int) -> Key:
    """`num` independent sets of row keys: `(B,)` -> `(num, B)`."""
    return jax.vmap(lambda key: jax.random.split(key, num), out_axes=1)(keys)


def row_uniform(keys: Key, num: int) -> Array:
    """`num` numbers in [0, 1) a row from one draw: `(B,)` -> `(B, num)`."""
    return jax.vmap(lambda key: jax.random.uniform(key, (num,), jnp.float32))(keys)


def row_normal(keys: Key, num: int) -> Array:
    """`num` standard normal numbers per row from one draw: `(B,)` -> `(B, num)`."""
    return jax.vmap(lambda key: jax.random.normal(key, (num,), jnp.float32))(keys)


def random_flip(keys: Key, images: Array, *, probability: float = 0.5) -> Array:
    """Mirrors left and right with a probability: `(B, H, W, C)`, any dtype."""
    return random_crop_flip(keys, images, padding=0, flip_probability=probability)


def random_crop(keys: Key, images: Array, *, padding: int = 4) -> Array:
    """Pads with zeros on all sides and cuts the old size out again, anywhere: `(B, H, W, C)`.

    The offset is uniform in -padding..padding on both axes (He et al. 2016, section 4.2).
    """
    return random_crop_flip(keys, images, padding=padding, flip_probability=0.0)


def random_crop_flip(
    keys: Key, images: Array, *, padding: int = 4, flip_probability: float = 0.5
) -> Array:
    """`random_crop` of the mirrored or the plain image, from one draw.

    `(B, H, W, C)`, any dtype; on uint8 it moves a quarter of the bytes.
    """
    check_rank("random_crop_flip: images", images, 4)
    check_fraction("random_crop_flip: flip_probability", flip_probability)
    if padding < 0:
        raise ValueError(f"random_crop_flip: padding must be >= 0, got {padding}")
    around = (padding, padding)
    padded = jnp.pad(images, ((0, 0), around, around, (0, 0)))

    # Slices, not one gather of pixels: its table of indices costs more than the pixels.
    def move(image: Array, flip: Array, dy: Array, dx: Array) -> Array:
        image = jnp.where(flip, image[:, ::-1], image)
        return jax.lax.dynamic_slice(
            image, (dy + padding, dx + padding, jnp.zeros_like(dy)), images.shape[1:]
        )

    return jax.vmap(move)(padded, *draw_crop_flip(keys, padding, flip_probability))


def draw_crop_flip(keys: Key, padding: int, flip_probability: float) -> tuple[Array, Array, Array]:
    """The draw of `random_crop_flip`: flip `(B,)` bool, then dy and dx `(B,)` in +-padding."""
    u = row_uniform(keys, 3)
    offset = jnp.floor(u[:, 1:] * (2 * padding + 1)).astype(jnp.int32) - padding
    return u[:, 0] < flip_probability, offset[:, 0], offset[:, 1]
