"""Small networks of agents: action values, or a policy with the value of a state."""

import math

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.layers.activation import activation_layer
from jaxdl.layers.conv import Conv
from jaxdl.rl.agents.policies import Categorical, Gaussian, Policy
from jaxdl.rl.environments.environment import Box, Discrete
from jaxdl.typing import Array

orthogonal = nn.initializers.orthogonal


class Torso(nn.Module):
    """What an agent sees -> features `(B, hidden[-1])`.

    Numbers `(B, N)` are divided by `scale`; pixels `(B, H, W, C)` first go through a convolution
    of 3 by 3 to 16 channels (MinAtar's). Kernels start orthogonal.
    """

    hidden: tuple[int, ...]
    scale: tuple[float, ...] = ()
    act: str = "relu"

    @nn.compact
    def __call__(self, observation: Array) -> Array:
        act = activation_layer(self.act)
        x = observation.astype(jnp.float32)
        if self.scale:
            x = x / jnp.array(self.scale)[None]
        if x.ndim == 4:
            x = nn.relu(Conv(16, 3, name="conv")(x))
            x = x.reshape(len(x), -1)
        for i, width in enumerate(self.hidden, 1):
            kernel_init = orthogonal(math.sqrt(2))
            x = act(nn.Dense(width, kernel_init=kernel_init, name=f"dense{i}")(x))
        return x


class QNetwork(nn.Module):
    """Action values: observations `(B, ...)` -> `(B, A)`.

    `dueling`: V + A - mean A, of two heads (Wang et al. 2016, arXiv 1511.06581, eq. 9).
    """

    actions: int
    hidden: tuple[int, ...] = (64, 64)
    scale: tuple[float, ...] = ()
    dueling: bool = False

    @nn.compact
    def __call__(self, observation: Array) -> Array:
        x = Torso(self.hidden, self.scale, name="torso")(observation)
        q = nn.Dense(self.actions, kernel_init=orthogonal(0.1), name="head")(x)
        if self.dueling:
            value = nn.Dense(1, kernel_init=orthogonal(0.1), name="value")(x)
            q = value + q - jnp.mean(q, axis=-1, keepdims=True)
        return q


class ActorCritic(nn.Module):
    """Observations `(B, ...)` -> (policy, V `(B,)`), of two torsos that share nothing.

    Of a box the mean is the network's, in units of its limit; the log deviation is a parameter.
    """

    actions: Discrete | Box
    hidden: tuple[int, ...] = (64, 64)
    scale: tuple[float, ...] = ()
    act: str = "tanh"

    @nn.compact
    def __call__(self, observation: Array) -> tuple[Policy, Array]:
        x = Torso(self.hidden, self.scale, self.act, name="actor")(observation)
        if isinstance(self.actions, Discrete):
            head = nn.Dense(self.actions.count, kernel_init=orthogonal(0.01), name="policy")
            policy = Categorical(head(x))
        else:
            head = nn.Dense(self.actions.size, kernel_init=orthogonal(0.01), name="policy")
            log_std = self.param(
                "log_std", nn.initializers.zeros, (self.actions.size,), jnp.float32
            )
            mean = head(x) * self.actions.high
            policy = Gaussian(mean, jnp.broadcast_to(log_std, mean.shape))
        x = Torso(self.hidden, self.scale, self.act, name="critic")(observation)
        value = nn.Dense(1, kernel_init=orthogonal(1.0), name="value")(x)
        return policy, value[:, 0]
