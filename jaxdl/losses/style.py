"""What makes a picture the content of one and the style of another: one value per picture."""

import jax.numpy as jnp

from jaxdl.checks import UsageError, check_rank, check_same_shape
from jaxdl.typing import Array


def gram_matrix(features: Array, *, normalize: bool = True) -> Array:
    """G_cd = sum over positions of f_c f_d: `(B, h, w, C)` -> `(B, C, C)`.

    With `normalize` divided by h w C, so that pictures of different sizes can be compared (Gatys et
    al. 2016, "Image Style Transfer Using Convolutional Neural Networks", eq. 3, without it).
    """
    check_rank("gram_matrix: features", features, 4)
    _, height, width, channels = features.shape
    gram = jnp.einsum("bhwc,bhwd->bcd", features, features)
    return gram / (height * width * channels) if normalize else gram


def content_loss(features: Array, target: Array) -> Array:
    """sum (F - P)^2, the features of a picture and those of the content: `(B, ...)` -> `(B,)`."""
    check_same_shape("content_loss: features, target", features, target)
    return jnp.sum(jnp.square(features - target), axis=tuple(range(1, features.ndim)))


def style_loss(features: Array, target: Array, *, normalize: bool = True) -> Array:
    """sum (G - A)^2 over the entries of the Gram matrix: `(B, h, w, C)` -> `(B,)`.

    Args: `target` A `(B, C, C)`, of `gram_matrix` under the same `normalize`.
    """
    return content_loss(gram_matrix(features, normalize=normalize), target)


def total_variation(images: Array) -> Array:
    """sum (x[i+1, j] - x[i, j])^2 + sum (x[i, j+1] - x[i, j])^2, all channels: `(B,)`."""
    check_rank("total_variation: images", images, 4)
    down = jnp.diff(images, axis=1)
    right = jnp.diff(images, axis=2)
    return jnp.sum(jnp.square(down), (1, 2, 3)) + jnp.sum(jnp.square(right), (1, 2, 3))


def feature_error(features: Array, target: Array) -> Array:
    """sum (F - P)^2 / sum P^2 (Mahendran, Vedaldi 2015, arXiv 1412.0035, eq. 1 and 4): `(B,)`.

    Raises UsageError where features are not of the target's shape; a target that is zero
    everywhere gives infinity or NaN.
    """
    if features.shape != target.shape:
        raise UsageError(
            f"feature_error: features and target must have equal shapes, got {features.shape} and "
            f"{target.shape}; invert a picture of the target's own size"
        )
    return content_loss(features, target) / content_loss(target, jnp.zeros_like(target))
