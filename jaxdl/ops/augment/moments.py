"""The pose of what is drawn: where its ink lies, and how far it spreads, taken out of a picture."""

import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank
from jaxdl.ops.augment.geometry import Size
from jaxdl.typing import Array


def moment_move(ink: Array, size: Size, *, spread: float, least: float = 0.7) -> Array:
    """The move that brings the center of mass to the middle of a picture of `size`, and the ink's
    deviation to `spread` pixels in every direction: `(B, H, W)`, 0 where there is no ink, ->
    `(B, 2, 3)`, as `sample_affine` takes it.

    The new pixel p shows the old point C^(1/2) (p - middle) / spread + center, C the covariance of
    the places of ink plus `least`^2 in every direction, which bounds what a straight line is
    stretched by. The root is the symmetric one: nothing turns more than it must. A picture without
    ink is shown about its middle.
    """
    check_rank("moment_move: ink", ink, 3)
    check_positive("moment_move: spread", spread)
    check_positive("moment_move: least", least)
    _, height, width = ink.shape
    total = jnp.sum(ink, axis=(1, 2), keepdims=True)
    share = ink / jnp.maximum(total, 1e-6)
    ys, xs = jnp.arange(height) + jnp.float32(0.5), jnp.arange(width) + jnp.float32(0.5)
    middle = jnp.array([width / 2, height / 2], jnp.float32)
    places = jnp.stack(jnp.meshgrid(xs - middle[0], ys - middle[1]), axis=-1)
    center = jnp.einsum("bhw,hwi->bi", share, places, precision="highest")
    apart = places[None] - center[:, None, None, :]
    spreads = jnp.einsum("bhw,bhwi,bhwj->bij", share, apart, apart, precision="highest")
    eye = jnp.eye(2, dtype=jnp.float32)[None]
    covariance = spreads + jnp.float32(least**2) * eye
    trace = (covariance[:, 0, 0] + covariance[:, 1, 1])[:, None, None]
    root = jnp.sqrt(covariance[:, 0, 0] * covariance[:, 1, 1] - covariance[:, 0, 1] ** 2)
    root = root[:, None, None]  # of the determinant: C^(1/2) in two dimensions, in closed form
    linear = (covariance + root * eye) / jnp.sqrt(trace + 2 * root) / spread
    new_middle = jnp.array([size[1] / 2, size[0] / 2], jnp.float32)
    offset = middle[None] + center - jnp.matmul(linear, new_middle, precision="highest")
    return jnp.concatenate([linear, offset[:, :, None]], axis=2)
