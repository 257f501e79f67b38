"""Returns and advantages of time-major rewards `(T, ...)`, in which episodes may end anywhere.

`next_value` is V of what came after each step in its own episode (`Transition.next_observation`):
where the episode terminated it counts nothing, where a time limit cut it off it stands for all
that would have come.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_same_shape
from jaxdl.typing import Array


def discounted_returns(reward: Array, ended: Array, *, discount: float) -> Array:
    """G_t = r_t + discount G_{t+1} up to the end of its episode: `(T, ...)`.

    Rewards after the last step that is given count nothing.
    """
    check_fraction("discounted_returns: discount", discount)
    check_same_shape("discounted_returns: reward, ended", reward, ended)

    def back(later: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        reward, ended = row
        later = reward + discount * jnp.where(ended, 0, later)
        return later, later

    return jax.lax.scan(back, jnp.zeros_like(reward[0]), (reward, ended), reverse=True)[1]


def n_step_returns(
    reward: Array,
    next_value: Array,
    terminated: Array,
    truncated: Array,
    *,
    discount: float,
    count: int,
) -> Array:
    """Up to `count` rewards, then the value of what follows: `(T, ...)`.

    Fewer where the episode ends or the steps that are given do.
    """
    check_fraction("n_step_returns: discount", discount)
    check_same_shape("n_step_returns: reward, next_value", reward, next_value)
    one = reward + discount * jnp.where(terminated, 0, next_value)
    going, total = ~(terminated | truncated), one
    for _ in range(count - 1):
        later = jnp.concatenate([total[1:], next_value[-1:]])  # the last row has no later step
        longer = reward + discount * later
        inner = going.at[-1].set(False)  # nor does it look further than its own
        total = jnp.where(inner, longer, one)
    return total


def gae(
    reward: Array,
    value: Array,
    next_value: Array,
    terminated: Array,
    truncated: Array,
    *,
    discount: float,
    trace: float,
) -> Array:
    """Generalized advantage estimates (Schulman et al. 2016, arXiv 1506.02438, eq. 16): `(T, ...)`.

    A_t = d_t + discount trace A_{t+1} within an episode, d_t = r_t + discount V(s_{t+1}) - V(s_t);
    `trace` is the paper's lambda: 0 is one step ahead, 1 all that is given.
    """
    check_fraction("gae: discount", discount)
    check_fraction("gae: trace", trace)
    check_same_shape("gae: value, next_value", value, next_value)
    delta = reward + discount * jnp.where(terminated, 0, next_value) - value
    ended = terminated | truncated

    def back(later: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        delta, ended = row
        later = delta + discount * trace * jnp.where(ended, 0, later)
        return later, later

    return jax.lax.scan(back, jnp.zeros_like(delta[0]), (delta, ended), reverse=True)[1]
