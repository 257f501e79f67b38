"""Zero-centering and standardizing with statistics of the training rows."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxdl.checks import check_one_of
from jaxdl.typing import Array, ArrayLike


class Scaling(NamedTuple):
    """x -> (x - mean) / std; the shapes broadcast against one row."""

    mean: Array
    std: Array


def fit_scaling(x: ArrayLike, *, per: str = "feature", divide: bool = True) -> Scaling:
    """The mean and (if `divide`) the standard deviation of `x` `(N, ...)`.

    `per` "feature": one for each entry of a row, such as the mean image of AlexNet; "channel": one
    for each entry of the last axis, as VGG (mean alone) and ResNet (mean and deviation).
    A feature that never changes is divided by 1.
    """
    check_one_of("fit_scaling: per", per, ("feature", "channel"))
    x = jnp.asarray(x, jnp.float32)
    axes = (0,) if per == "feature" else tuple(range(x.ndim - 1))
    mean = jnp.mean(x, axis=axes)
    if not divide:
        return Scaling(mean, jnp.ones_like(mean))
    std = jnp.std(x, axis=axes)
    return Scaling(mean, jnp.where(std > 0, std, 1.0))


def scale(scaling: Scaling, x: ArrayLike) -> Array:
    """(x - mean) / std, any number of rows `(N, ...)`, float32."""
    x = jnp.asarray(x, jnp.float32)
    shape = (1,) * (x.ndim - scaling.mean.ndim) + scaling.mean.shape
    return (x - scaling.mean.reshape(shape)) / scaling.std.reshape(shape)
