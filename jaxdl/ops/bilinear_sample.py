"""Values of a map at places between its cells."""

import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def bilinear_sample(features: Array, places: Array) -> Array:
    """Bilinear between the centers of cells, at the border the nearest: `(B, N, C)`.

    Args: `features` `(B, H, W, C)`; `places` `(B, N, 2)`, x and y over the width and height, in
    [0, 1]. torch's `grid_sample` with `padding_mode="border"`; gradients reach the places, too.
    """
    check_rank("bilinear_sample: features", features, 4)
    check_rank("bilinear_sample: places", places, 3)
    height, width = features.shape[1:3]
    flat = features.reshape(len(features), height * width, -1)
    x = jnp.clip(places[..., 0] * width - 0.5, 0, width - 1)
    y = jnp.clip(places[..., 1] * height - 0.5, 0, height - 1)
    left, top = (jnp.floor(v).astype(jnp.int32) for v in (x, y))
    total = jnp.zeros(())
    for down in (0, 1):
        for right in (0, 1):
            column, row = left + right, top + down
            near = (1 - jnp.abs(x - column)) * (1 - jnp.abs(y - row))
            cell = jnp.minimum(row, height - 1) * width + jnp.minimum(column, width - 1)
            total = total + near[..., None] * jnp.take_along_axis(flat, cell[..., None], axis=1)
    return total
