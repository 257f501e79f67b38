"""Gaussian blur on the device, of one strength for each row."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_rank
from jaxdl.ops.augment.crop_flip import row_uniform
from jaxdl.typing import Array, Key


def gaussian_blur(images: Array, sigma: Array, *, size: int) -> Array:
    """Each row blurred by its own `sigma` `(B,)` pixels, edges mirrored: `(B, H, W, C)`.

    Torchvision's: `size`, odd, taps on both axes, exp(-x^2 / 2 sigma^2), that sum to one.
    """
    check_rank("gaussian_blur: images", images, 4)
    half = size // 2
    if size % 2 == 0 or half >= min(images.shape[1:3]):
        raise ValueError(
            f"gaussian_blur: size must be odd, its half less than a side of {images.shape[1:3]}, "
            f"got {size}"
        )
    taps = jnp.arange(-half, half + 1, dtype=images.dtype)
    weights = jnp.exp(-((taps[None] / sigma[:, None]) ** 2) / 2)
    weights = weights / jnp.sum(weights, axis=1, keepdims=True)
    edges = [(0, 0), (half, half), (half, half), (0, 0)]
    images = jnp.pad(images, edges, mode="reflect")
    for axis in (1, 2):
        length = images.shape[axis] - 2 * half
        parts = [jax.lax.slice_in_dim(images, i, i + length, axis=axis) for i in range(size)]
        images = jnp.einsum("bk,kbhwc->bhwc", weights, jnp.stack(parts), precision="highest")
    return images


def random_blur(
    keys: Key,
    images: Array,
    *,
    size: int,
    sigma: tuple[float, float] = (0.1, 2.0),
    probability: float = 0.5,
) -> Array:
    """`gaussian_blur` of some rows, by a uniform `sigma` (SimCLR, arXiv 2002.05709, appendix A)."""
    check_fraction("random_blur: probability", probability)
    if not 0 < sigma[0] <= sigma[1]:
        raise ValueError(f"random_blur: sigma must be a range of positive numbers, got {sigma}")
    u = row_uniform(keys, 2)
    blurred = gaussian_blur(images, sigma[0] + (sigma[1] - sigma[0]) * u[:, 0], size=size)
    return jnp.where((u[:, 1] < probability)[:, None, None, None], blurred, images)
