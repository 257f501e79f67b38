"""Color histograms: which colors an image has, not where they are."""

import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_positive, check_rank
from jaxdl.typing import Array, ArrayLike


def rgb_to_hsv(images: ArrayLike) -> Array:
    """Hue, saturation, value of RGB, all in [0, 1], `(..., 3)` -> `(..., 3)`; gray has hue 0."""
    x = jnp.asarray(images, jnp.result_type(images, jnp.float32))
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value = jnp.max(x, axis=-1)
    spread = value - jnp.min(x, axis=-1)
    safe = jnp.where(spread > 0, spread, 1)
    hue = jnp.where(
        value == red,
        (green - blue) / safe,
        jnp.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = jnp.where(spread > 0, (hue / 6) % 1, 0)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    return jnp.stack([hue, saturation, value], axis=-1)


def color_histogram(
    images: ArrayLike, *, bins: int = 4, space: str = "rgb", grid: int = 1
) -> Array:
    """The fraction of pixels in each of `bins`^3 boxes of the color cube.

    Args: `images` `(B, H, W, 3)` uint8, or float in [0, 1]; `space` "rgb" or "hsv"; `grid`: one
    histogram for each of grid x grid tiles of the image. Returns: `(B, grid^2 * bins^3)`.
    """
    check_rank("color_histogram: images", images, 4)
    check_one_of("color_histogram: space", space, ("rgb", "hsv"))
    check_positive("color_histogram: bins", bins)
    batch, height, width, channels = images.shape
    if channels != 3 or height % grid or width % grid:
        raise ValueError(
            f"color_histogram: images must have 3 channels and sides that divide by grid {grid}, "
            f"got shape {tuple(images.shape)}"
        )
    x = jnp.asarray(images)
    x = x / jnp.float32(255) if x.dtype == jnp.uint8 else x
    x = rgb_to_hsv(x) if space == "hsv" else x
    box = jnp.clip(jnp.floor(x * bins), 0, bins - 1).astype(jnp.int32)
    box = (box[..., 0] * bins + box[..., 1]) * bins + box[..., 2]
    down, across = (jnp.arange(n) * grid // n for n in (height, width))
    tile = down[:, None] * grid + across[None, :]
    slot = (tile[None, :, :] * bins**3 + box).reshape(batch, -1)
    counts = (
        jnp.zeros((batch, grid**2 * bins**3), jnp.float32)
        .at[jnp.arange(batch)[:, None], slot]
        .add(1)
    )
    return counts * (grid**2 / (height * width))
