"""Depth from two eyes side by side: which pixels of both pictures show the same place."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_at_least, check_positive, check_same_shape
from jaxdl.typing import Array


class Disparity(NamedTuple):
    """How far to the left the right eye sees what the left one sees at each of its pixels."""

    pixels: Array  # (H, W) int32
    sure: Array  # (H, W) bool: the right eye's own search comes back within one pixel


def match_stereo(left: Array, right: Array, *, most: int, window: int = 9) -> Disparity:
    """Block matching (Scharstein & Szeliski 2002, section 4) on a rectified pair.

    d(y, x) = argmin_{0 <= d <= most} mean over the window of |left[y, x] - right[y, x - d]|

    `(H, W, C)` float each; `window` is odd. What lies beyond a picture's side is never the same.
    """
    check_same_shape("match_stereo: left, right", left, right)
    check_at_least("match_stereo: most", most, 0)
    check_positive("match_stereo: window", window)
    if window % 2 == 0 or most >= left.shape[1]:
        raise ValueError(
            f"match_stereo: window must be odd and most less than the width {left.shape[1]}, got "
            f"{window} and {most}"
        )
    return _match(left, right, most=most, window=window)


@partial(jax.jit, static_argnames=("most", "window"))
def _match(left: Array, right: Array, *, most: int, window: int) -> Disparity:
    height, width = left.shape[:2]
    column = jnp.arange(width)[None]
    far = jnp.full((height, width), jnp.inf)
    best = (far, jnp.zeros((height, width), jnp.int32))

    def try_one(
        d: Array, carry: tuple[tuple[Array, Array], ...]
    ) -> tuple[tuple[Array, Array], ...]:
        seen = jnp.roll(right, d, axis=1)
        cost = _window_mean(jnp.mean(jnp.abs(left - seen), axis=-1), column >= d, window)
        # The right eye sees at x what the left one sees at x + d.
        back = jnp.where(column < width - d, jnp.roll(cost, -d, axis=1), jnp.inf)
        return tuple(_better(old, new, d) for old, new in zip(carry, (cost, back), strict=True))

    (_, there), (_, back) = lax.fori_loop(0, most + 1, try_one, (best, best))
    returned = jnp.take_along_axis(back, jnp.maximum(column - there, 0), axis=1)
    return Disparity(there, (there <= column) & (jnp.abs(returned - there) <= 1))


def _better(old: tuple[Array, Array], cost: Array, d: Array) -> tuple[Array, Array]:
    less = cost < old[0]
    return jnp.where(less, cost, old[0]), jnp.where(less, d, old[1]).astype(jnp.int32)


def _window_mean(cost: Array, there: Array, window: int) -> Array:
    """The mean of what is there in the window around each pixel; infinite where it is not."""
    there = jnp.broadcast_to(there, cost.shape)

    def total(x: Array) -> Array:
        for axis in (0, 1):
            shape = tuple(window if i == axis else 1 for i in range(2))
            x = lax.reduce_window(x, 0.0, lax.add, shape, (1, 1), "SAME")
        return x

    mean = total(jnp.where(there, cost, 0)) / jnp.maximum(total(there.astype(cost.dtype)), 1)
    return jnp.where(there, mean, jnp.inf)


def depth_of_disparity(pixels: Array, *, focal: float, baseline: float = 1.0) -> Array:
    """z = focal baseline / disparity, 0 where that is 0: `(H, W)` -> `(H, W)`, in baselines."""
    check_positive("depth_of_disparity: focal", focal)
    check_positive("depth_of_disparity: baseline", baseline)
    there = pixels > 0
    return jnp.where(there, focal * baseline / jnp.where(there, pixels, 1), 0)
