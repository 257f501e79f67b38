"""Ways back from a pooled map: a bed of nails, and max unpooling to remembered places."""

import jax.numpy as jnp

from jaxdl.checks import check_rank, check_same_shape
from jaxdl.ops.pool import max_pool
from jaxdl.typing import Array


def bed_of_nails(x: Array, *, factor: int = 2) -> Array:
    """Each value at the upper left of `factor` x `factor` pixels, zeros beside it.

    `(B, H, W, C)` -> `(B, factor H, factor W, C)`.
    """
    check_rank("bed_of_nails: x", x, 4)
    places = jnp.zeros((*x.shape[:3], x.shape[3]), jnp.int32)
    return max_unpool(x, places, window=factor)


def max_pool_with_places(x: Array, *, window: int = 2) -> tuple[Array, Array]:
    """The largest value of each window, and where in it that is, in the order of reading.

    `(B, H, W, C)` -> values and int32 places `(B, H // window, W // window, C)`; windows do not
    overlap, of equal values the first counts, as in torch.
    """
    check_rank("max_pool_with_places: x", x, 4)
    pooled = max_pool(x, window)
    batch, height, width, channels = pooled.shape
    cut = x[:, : height * window, : width * window]
    cells = cut.reshape(batch, height, window, width, window, channels)
    cells = cells.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height, width, window**2, channels)
    return pooled, jnp.argmax(cells, axis=3).astype(jnp.int32)


def max_unpool(x: Array, places: Array, *, window: int = 2) -> Array:
    """Each value at its place in a window, zeros beside it; the way back of `max_pool_with_places`.

    `(B, H, W, C)` twice -> `(B, window H, window W, C)`. torch's `MaxUnpool2d` (Noh et al. 2015,
    arXiv 1505.04366, section 3.2.1).
    """
    check_rank("max_unpool: x", x, 4)
    check_same_shape("max_unpool: x, places", x, places)
    batch, height, width, channels = x.shape
    order = jnp.arange(window**2, dtype=jnp.int32)[None, None, None, :, None]
    cells = jnp.where(places[:, :, :, None] == order, x[:, :, :, None], 0)
    cells = cells.reshape(batch, height, width, window, window, channels)
    return cells.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * window, -1, channels)
