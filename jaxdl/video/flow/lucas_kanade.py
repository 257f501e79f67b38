"""Lucas and Kanade's optical flow at every pixel."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_positive
from jaxdl.ops.blur import TRUNCATE, gaussian_blur
from jaxdl.typing import Array
from jaxdl.video.flow.coarse_to_fine import check_pair, coarse_to_fine, slopes, solve_2x2
from jaxdl.video.flow.warp import stays_inside, warp


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

        def better(_: int, flow: Array) -> Array:
            return least_squares(first, second, flow, sigma=near, ridge=ridge)

        return lax.fori_loop(0, iterations, better, flow)

    return coarse_to_fine(refine, first, second, levels)


def least_squares(first: Array, second: Array, flow: Array, *, sigma: float, ridge: float) -> Array:
    """One iteration of `lucas_kanade` at one size, from `flow`."""
    seen = warp(second, flow)
    dx, dy = slopes(seen)
    u, v = flow[..., 0:1], flow[..., 1:2]
    rest = first - seen + dx * u + dy * v
    there = stays_inside(flow).astype(first.dtype)

    def around(x: Array) -> Array:
        return jnp.sum(x, axis=-1) * there

    sums = [around(x) for x in (dx * dx, dx * dy, dy * dy, dx * rest, dy * rest)]
    a, b, c, x, y = jnp.moveaxis(gaussian_blur(jnp.stack(sums, axis=-1), sigma), -1, 0)
    right = (x + ridge * flow[..., 0], y + ridge * flow[..., 1])
    return solve_2x2(a + ridge, b, c + ridge, right)
