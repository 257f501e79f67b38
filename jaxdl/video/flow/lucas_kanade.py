"""Lucas and Kanade's optical flow at every pixel."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive
from jaxdl.ops.blur import TRUNCATE, gaussian_blur
from jaxdl.typing import Array
from jaxdl.video.flow.coarse_to_fine import (
    check_pair,
    coarse_to_fine,
    normal_equations,
    solve_2x2,
)


def lucas_kanade(
    first: Array,
    second: Array,
    *,
    levels: int = 4,
    sigma: float = 2.5,
    iterations: int = 5,
    ridge: float = 1e-5,
) -> Array:
    """The move u(x) that a neighborhood shares (Lucas & Kanade 1981; pyramid: Bouguet 2001).

    argmin_u  sum_y G(y - x) (S(y + v(y)) + dS(y + v(y)) (u - v(y)) - F(y))^2 + ridge |u - v(x)|^2

    F first, S second picture, v the flow so far, G a Gaussian of deviation `sigma` pixels, the sum
    also over channels. What moved out of the picture counts nothing. `ridge` keeps v where nothing
    tells: it is small against squared slopes of pictures in [0, 1]. Le Besnerais & Champagnat 2005
    solve for u, not for u - v, at each of the `iterations`, which is what keeps it smooth.

    Args: `(B, H, W, C)` float in [0, 1] each. Returns: `(B, H, W, 2)`, x and y in pixels. Moves of
    about 2^`levels` pixels are found. Raises ValueError for a pair of other shapes or dtypes.
    """
    check_pair("lucas_kanade", first, second, levels)
    for name, value in (("sigma", sigma), ("iterations", iterations), ("ridge", ridge)):
        check_positive(f"lucas_kanade: {name}", value)
    return _lucas_kanade(
        first, second, levels=levels, sigma=sigma, iterations=iterations, ridge=ridge
    )


@partial(jax.jit, static_argnames=("levels", "sigma", "iterations", "ridge"))
def _lucas_kanade(
    first: Array, second: Array, *, levels: int, sigma: float, iterations: int, ridge: float
) -> Array:
    def refine(first: Array, second: Array, flow: Array) -> Array:
        reach = min(first.shape[1:3])
        near = min(sigma, (reach - 0.5) / TRUNCATE)  # the smallest copies are smaller than G
        return least_squares(first, second, flow, sigma=near, ridge=ridge)

    return coarse_to_fine(refine, first, second, levels=levels, times=iterations)


def least_squares(first: Array, second: Array, flow: Array, *, sigma: float, ridge: float) -> Array:
    """One iteration of `lucas_kanade` at one size, from `flow`."""
    sums = jnp.stack(normal_equations(first, second, flow), axis=-1)
    a, b, c, x, y = jnp.moveaxis(gaussian_blur(sums, sigma), -1, 0)
    right = (x + ridge * flow[..., 0], y + ridge * flow[..., 1])
    return solve_2x2(a + ridge, b, c + ridge, right)
