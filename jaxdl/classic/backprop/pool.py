"""Max pooling with its backward pass written out."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.classic.backprop.windows import add_windows, cut_windows
from jaxdl.typing import Array


def max_pool(x: Array, *, size: int = 2, stride: int = 2) -> Array:
    """The largest entry of each window, `(B, H, W, C)` -> `(B, H', W', C)`.

    dL/dx is dL/dy at the first entry of each window that is the largest, 0 elsewhere.
    """
    return _max_pool(x, size, stride)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _max_pool(x, size, stride):
    return _forward(x, size, stride)[0]


def _forward(x, size, stride):
    windows = cut_windows(x, size, stride)
    flat = windows.reshape(*windows.shape[:3], size * size, -1)
    return jnp.max(flat, axis=3), (x, jnp.argmax(flat, axis=3))


def _backward(size, stride, saved, slope):
    x, winner = saved
    routed = jax.nn.one_hot(winner, size * size, dtype=slope.dtype, axis=3) * slope[:, :, :, None]
    windows = routed.reshape(*slope.shape[:3], size, size, -1)
    return (add_windows(windows, x.shape, stride),)


_max_pool.defvjp(_forward, _backward)
