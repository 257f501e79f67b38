"""Score matching: the gradient of a log density from its samples; one value per example."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.losses.variational import squared_error
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array


def denoising_score_matching(score: Array, noise: Array, *, sigma: float) -> Array:
    """1/2 ||sigma s(x + sigma noise) + noise||^2 (Vincent 2011; 1907.05600, eq. 5 times sigma^2).

    Its minimum is the score of the density blurred by sigma. Args: `(B, ...)` both, the score at
    the noised point. Returns: `(B,)`.
    """
    check_same_shape("denoising_score_matching: score, noise", score, noise)
    check_positive("denoising_score_matching: sigma", sigma)
    return 0.5 * squared_error(sigma * score, -noise)


def implicit_score_matching(score_fn: Callable[[Array], Array], x: Array) -> Array:
    """tr(ds/dx) + 1/2 ||s(x)||^2 (Hyvarinen 2005, theorem 1), for few dimensions.

    Its mean differs from 1/2 E||s - score of the data||^2 by a number that does not depend on s.
    Args: `score_fn` `(B, D) -> (B, D)`, row by row; `x` `(B, D)`. Returns: `(B,)`.
    """
    check_rank("implicit_score_matching: x", x, 2)
    score = score_fn(x)
    trace = at_least_float32(jnp.zeros(len(x), score.dtype))
    for d in range(x.shape[1]):
        axis = jnp.zeros_like(x).at[:, d].set(1)
        trace = trace + jax.jvp(score_fn, (x,), (axis,))[1][:, d]
    return trace + 0.5 * jnp.sum(at_least_float32(score) ** 2, axis=1)


def sliced_score_matching(score_fn: Callable[[Array], Array], x: Array, directions: Array) -> Array:
    """v^T ds/dx v + 1/2 ||s(x)||^2, v of mean 0 and unit variance (Song et al. 2019, 1905.07088).

    Args: as above, `directions` `(B, D)`. Returns: `(B,)`.
    """
    check_same_shape("sliced_score_matching: x, directions", x, directions)
    score, moved = jax.jvp(score_fn, (x,), (directions,))
    score, moved = at_least_float32(score), at_least_float32(moved)
    return jnp.sum(directions * moved, axis=1) + 0.5 * jnp.sum(score**2, axis=1)
