"""Any curve as a sum of bumps, each of three ReLUs: why one hidden layer is enough.

bump_i(x) = relu((x - t_i) / h + 1) - 2 relu((x - t_i) / h) + relu((x - t_i) / h - 1) is a hat of
width 2 h around the knot t_i. The sum of f(t_i) bump_i is f in straight pieces between the knots,
so that no point is farther than h^2 / 8 max |f''| from it.
"""

import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.classic.two_layer import TwoLayer
from jaxdl.typing import Array

HAT = (1.0, -2.0, 1.0)  # what its three ReLUs are multiplied by


def sum_of_bumps(knots: Array, values: Array) -> TwoLayer:
    """The network whose output at `knots` `(N,)` is `values` `(N,)`, straight between them.

    The knots rise by one step h. N + 2 hidden units, one for each knot and one beyond each end,
    since neighboring bumps share their ReLUs; left and right of the knots the output falls to 0.
    """
    check_rank("sum_of_bumps: knots", knots, 1)
    if values.shape != knots.shape or len(knots) < 2:
        raise ValueError(
            "sum_of_bumps: knots and values must be two or more, one value each, got "
            f"{knots.shape} and {values.shape}"
        )
    step = (knots[-1] - knots[0]) / (len(knots) - 1)
    corners = knots[0] + step * jnp.arange(-1, len(knots) + 1)
    slopes = jnp.convolve(values, jnp.asarray(HAT, values.dtype))
    return TwoLayer(
        jnp.full((1, len(corners)), 1 / step, knots.dtype),
        -corners / step,
        slopes[:, None],
        jnp.zeros(1, knots.dtype),
    )
