"""Horn and Schunck's optical flow: the whole picture's flow is smooth."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_positive
from jaxdl.typing import Array
from jaxdl.video.flow.coarse_to_fine import (
    check_pair,
    coarse_to_fine,
    normal_equations,
    solve_2x2,
)


def horn_schunck(
    first: Array,
    second: Array,
    *,
    levels: int = 4,
    smoothness: float = 0.1,
    warps: int = 5,
    sweeps: int = 50,
) -> Array:
    """The smooth flow along which brightness stays (Horn & Schunck 1981), with a pyramid and
    warping (Meinhardt-Llopis, Sanchez & Kondermann 2013).

    argmin_u  sum_x (S(x + v) + dS(x + v) (u - v) - F)^2 + smoothness^2 (|du|^2 + |dv|^2)

    F first, S second picture, v the flow so far, the first square also summed over channels. At
    each of the `warps` it is solved by `sweeps` of Jacobi's iteration, which holds the mean of the
    eight neighbors fixed (their equations 10 and 15; weights 1/6 and 1/12). What moved out of the
    picture counts nothing.

    Args: `(B, H, W, C)` float in [0, 1] each. Returns: `(B, H, W, 2)`, x and y in pixels. Moves of
    about 2^`levels` pixels are found. Raises ValueError for a pair of other shapes or dtypes.
    """
    check_pair("horn_schunck", first, second, levels)
    for name, value in (("smoothness", smoothness), ("warps", warps), ("sweeps", sweeps)):
        check_positive(f"horn_schunck: {name}", value)
    return _horn_schunck(
        first, second, levels=levels, smoothness=smoothness, warps=warps, sweeps=sweeps
    )


@partial(jax.jit, static_argnames=("levels", "smoothness", "warps", "sweeps"))
def _horn_schunck(
    first: Array, second: Array, *, levels: int, smoothness: float, warps: int, sweeps: int
) -> Array:
    refine = partial(smooth, smoothness=smoothness, sweeps=sweeps)
    return coarse_to_fine(refine, first, second, levels=levels, times=warps)


def smooth(first: Array, second: Array, flow: Array, *, smoothness: float, sweeps: int) -> Array:
    """One warp of `horn_schunck` at one size, from `flow`."""
    a, b, c, x, y = normal_equations(first, second, flow)
    weight = smoothness**2

    def sweep(_: int, flow: Array) -> Array:
        mean = neighbor_mean(flow)
        right = (x + weight * mean[..., 0], y + weight * mean[..., 1])
        return solve_2x2(a + weight, b, c + weight, right)

    return lax.fori_loop(0, sweeps, sweep, flow)


def neighbor_mean(flow: Array) -> Array:
    """Horn and Schunck's mean of the eight neighbors; beyond a side its last pixel goes on."""
    height, width = flow.shape[1:3]
    padded = jnp.pad(flow, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")

    def at(down: int, right: int) -> Array:
        return padded[:, down : down + height, right : right + width]

    beside = at(0, 1) + at(2, 1) + at(1, 0) + at(1, 2)
    corners = at(0, 0) + at(0, 2) + at(2, 0) + at(2, 2)
    return beside / 6 + corners / 12
