"""Fractional max pooling: windows of random places make any reduction, not only whole ones."""

import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def fractional_max_pool(
    x: Array, samples: Array, *, window: int = 2, size: tuple[int, int]
) -> Array:
    """The largest value of windows at pseudo-random places (Graham 2014, arXiv 1412.6071).

    `(B, H, W, C)` -> `(B, *size, C)`. Along an axis of n pixels with m outputs, a = (n - window) /
    (m - 1), window i starts at floor((i + u) a) - floor(u a), the last at n - window: torch's
    sequence. `samples` `(B, 2)` are the u in [0, 1) of rows and columns, shared by all channels.
    """
    check_rank("fractional_max_pool: x", x, 4)
    if any(not 2 <= m <= n - window + 1 for m, n in zip(size, x.shape[1:3], strict=True)):
        raise ValueError(
            f"fractional_max_pool: size must lie in 2..{x.shape[1] - window + 1} and "
            f"2..{x.shape[2] - window + 1} for {x.shape}, got {size}"
        )
    rows, columns = (
        _starts(samples[:, axis], x.shape[axis + 1], size[axis], window) for axis in (0, 1)
    )
    batch = jnp.arange(len(x))[:, None, None]
    best = jnp.full((len(x), *size, x.shape[-1]), -jnp.inf, x.dtype)
    for i in range(window):
        for j in range(window):
            taken = x[batch, (rows + i)[:, :, None], (columns + j)[:, None, :]]
            best = jnp.maximum(best, taken)
    return best


def _starts(u: Array, pixels: int, outputs: int, window: int) -> Array:
    """First pixels of the windows of every row `(B,)`: `(B, outputs)`."""
    alpha = (pixels - window) / (outputs - 1)
    steps = jnp.arange(outputs - 1, dtype=jnp.float32)[None]
    first = jnp.floor((steps + u[:, None]) * alpha) - jnp.floor(u[:, None] * alpha)
    last = jnp.full((len(u), 1), pixels - window, first.dtype)
    return lax.stop_gradient(jnp.concatenate([first, last], axis=1)).astype(jnp.int32)
