"""The windows that convolution and pooling look through, and the way back."""

import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Array


def cut_windows(x: Array, size: int, stride: int) -> Array:
    """Every window of `size` x `size`, `(B, H, W, C)` -> `(B, H', W', size, size, C)`.

    H' = (H - size) // stride + 1, and W' alike.
    """
    check_rank("cut_windows: x", x, 4)
    check_positive("cut_windows: stride", stride)
    if not 1 <= size <= min(x.shape[1:3]):
        raise ValueError(
            f"cut_windows: size must lie in [1, {min(x.shape[1:3])}], the image's smaller side, "
            f"got {size}"
        )
    rows = [
        jnp.stack([_every(x, i, j, size, stride) for j in range(size)], axis=3) for i in range(size)
    ]
    return jnp.stack(rows, axis=3)


def add_windows(windows: Array, shape: tuple[int, ...], stride: int) -> Array:
    """The transpose of `cut_windows`: each entry is added where it was cut from, overlaps sum up.

    `(B, H', W', size, size, C)` -> `shape` `(B, H, W, C)`.
    """
    _, high, wide, size, _, _ = windows.shape
    x = jnp.zeros(shape, windows.dtype)
    for i in range(size):
        for j in range(size):
            down = slice(i, i + (high - 1) * stride + 1, stride)
            across = slice(j, j + (wide - 1) * stride + 1, stride)
            x = x.at[:, down, across].add(windows[:, :, :, i, j])
    return x


def _every(x: Array, i: int, j: int, size: int, stride: int) -> Array:
    """Entry (i, j) of every window, `(B, H', W', C)`."""
    high, wide = ((n - size) // stride for n in x.shape[1:3])
    return x[:, i : i + high * stride + 1 : stride, j : j + wide * stride + 1 : stride]
