"""A network of what a step does, learned from transitions, and plans tried out in it."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.rl.agents.networks import Torso
from jaxdl.rl.environments.environment import Box, Discrete
from jaxdl.rl.replay import Experience
from jaxdl.typing import Array, Tree


class WorldModel(nn.Module):
    """Observations `(B, N)`, actions `(B, ...)` -> (next observations `(B, N)`, rewards `(B,)`,
    logits of a terminated episode `(B,)`). The change is what the layers give."""

    actions: Discrete | Box
    hidden: tuple[int, ...] = (64, 64)
    scale: tuple[float, ...] = ()

    @nn.compact
    def __call__(self, observation: Array, action: Array) -> tuple[Array, Array, Array]:
        if isinstance(self.actions, Discrete):
            code = jax.nn.one_hot(action, self.actions.count)
        else:
            code = action / self.actions.high
        x = jnp.concatenate([observation, code], axis=-1)
        scale = (*self.scale, *[1.0] * code.shape[-1]) if self.scale else ()
        x = Torso(self.hidden, scale, "silu", name="torso")(x)
        width = observation.shape[-1]
        out = nn.Dense(width + 2, kernel_init=nn.initializers.orthogonal(0.1), name="head")(x)
        return observation + out[:, :width], out[:, width], out[:, width + 1]


def model_loss(network: nn.Module, params: Tree, rows: Experience) -> Array:
    """Of rows `(n, ...)`: the squared errors of changes and rewards, relative to their variance
    in `rows`, averaged; and the cross-entropy of ends. A scalar."""
    said: Any = network.apply({"params": params}, rows.observation, rows.action)
    after, reward, end = said
    change = rows.next_observation - rows.observation
    error = relative_error(after - rows.observation, change).mean()
    error = error + relative_error(reward, rows.reward)
    ended = jnp.float32(rows.terminated)
    return error + optax.sigmoid_binary_cross_entropy(end, ended).mean()


def relative_error(got: Array, want: Array) -> Array:
    """Mean squared error over the first axis, in units of the variance of `want` there.

    What is the same in all rows has none: a hundredth of its square stands for it, too.
    """
    unit = want.var(axis=0) + 0.01 * jnp.square(want).mean(axis=0) + 1e-6
    return jnp.square(got - want).mean(axis=0) / unit


def plan_values(
    network: nn.Module, params: Tree, observation: Array, plans: Array, *, discount: float
) -> Array:
    """Expected discounted rewards of plans `(n, H, ...)` from one observation `(N,)`: `(n,)`.

    A reward counts by the probability that the episode has not terminated before.
    """

    def one(carry: tuple, action: Array) -> tuple:
        seen, alive, total = carry
        seen, reward, end = network.apply({"params": params}, seen, action)  # pyright: ignore
        total = total + alive * reward
        return (seen, alive * discount * jax.nn.sigmoid(-end), total), None

    count = len(plans)
    start = jnp.broadcast_to(observation, (count, *observation.shape))
    carry = start, jnp.ones(count), jnp.zeros(count)
    return jax.lax.scan(one, carry, jnp.moveaxis(plans, 1, 0))[0][2]
