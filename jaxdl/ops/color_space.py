"""CIE L*a*b* (white point D65, 2 degrees): lightness, and two axes of color."""

import jax.numpy as jnp
import numpy as np

from jaxdl.typing import Array

# IEC 61966-2-1: linear sRGB -> XYZ, and the white of D65
RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
EDGE = 6 / 29  # where the cube root becomes a line


def rgb_to_lab(image: Array) -> Array:
    """sRGB in [0, 1] -> L in [0, 100], a and b within about +-110: `(..., 3)`."""
    linear = jnp.where(image > 0.04045, ((image + 0.055) / 1.055) ** 2.4, image / 12.92)
    matrix = jnp.asarray((RGB_TO_XYZ / WHITE[:, None]).T, image.dtype)
    xyz = jnp.matmul(linear, matrix, precision="highest")
    safe = jnp.maximum(xyz, EDGE**3)
    f = jnp.where(xyz > EDGE**3, jnp.cbrt(safe), xyz / (3 * EDGE**2) + 4 / 29)
    x, y, z = jnp.moveaxis(f, -1, 0)
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_rgb(lab: Array) -> Array:
    """The inverse of `rgb_to_lab`, cut off to [0, 1] where a color is outside of sRGB."""
    lightness, a, b = jnp.moveaxis(lab, -1, 0)
    y = (lightness + 16) / 116
    f = jnp.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = jnp.where(f > EDGE, f**3, 3 * EDGE**2 * (f - 4 / 29))
    matrix = jnp.asarray(np.linalg.inv(RGB_TO_XYZ / WHITE[:, None]).T, lab.dtype)
    linear = jnp.clip(jnp.matmul(xyz, matrix, precision="highest"), 0, 1)
    curved = 1.055 * jnp.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return jnp.where(linear > 0.0031308, curved, 12.92 * linear)
