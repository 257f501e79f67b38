"""Gaussian blur, as SciPy has it."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array

TRUNCATE = 4.0  # deviations, at which SciPy's kernel ends


def gaussian_blur(images: Array, sigma: float) -> Array:
    """Rows and columns of `(B, H, W, C)` weighted by exp(-d^2 / (2 sigma^2)), edges mirrored.

    `scipy.ndimage.gaussian_filter`, each channel by itself. Raises ValueError for a picture that
    is smaller than half of the kernel.
    """
    check_rank("gaussian_blur: images", images, 4)
    check_positive("gaussian_blur: sigma", sigma)
    reach = int(TRUNCATE * sigma + 0.5)
    if reach > min(images.shape[1:3]):
        raise ValueError(
            f"gaussian_blur: sigma {sigma:g} reaches {reach} pixels; the picture must be that "
            f"large, got {images.shape[1:3]}"
        )
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        length = images.shape[axis]
        edges = [(0, 0)] * 4
        edges[axis] = (reach, reach)
        padded = jnp.pad(images, edges, mode="symmetric")
        taps = [
            float(w) * lax.slice_in_dim(padded, i, i + length, axis=axis)
            for i, w in enumerate(weights)
        ]
        images = sum(taps[1:], taps[0])
    return images
