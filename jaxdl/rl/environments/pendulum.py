"""Pendulum-v1: a pendulum to be swung up and held by a limited torque."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.rl.environments.canvas import Canvas
from jaxdl.rl.environments.environment import Box, Environment
from jaxdl.typing import Array, Host, Key

GRAVITY, MASS, LENGTH, SECONDS = 10.0, 1.0, 1.0, 0.05
MAX_SPEED, MAX_TORQUE = 8.0, 2.0


@dataclass(frozen=True)
class Pendulum(Environment):
    """Gymnasium's: never terminates, truncated after 200 steps.

    State: angle (0 is up) and speed, `(2,)`. Observation `(3,)`: cosine, sine, speed. Action
    `(1,)`: a torque. Reward: minus (angle^2 + 0.1 speed^2 + 0.001 torque^2), before the step.
    """

    name = "pendulum"
    actions = Box(1, -MAX_TORQUE, MAX_TORQUE)
    time_limit = 200
    gymnasium = "Pendulum-v1"
    scale = (1.0, 1.0, 4.0)

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return jax.random.uniform(key, (2,), jnp.float32, -1, 1) * jnp.array([math.pi, 1.0])

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """See `Environment`."""
        angle, speed = state
        torque = jnp.clip(action[0], -MAX_TORQUE, MAX_TORQUE)
        turn = jnp.mod(angle + math.pi, 2 * math.pi) - math.pi
        cost = turn**2 + 0.1 * speed**2 + 0.001 * torque**2
        pull = 3 * GRAVITY / (2 * LENGTH) * jnp.sin(angle)
        speed = speed + (pull + 3 / (MASS * LENGTH**2) * torque) * SECONDS
        speed = jnp.clip(speed, -MAX_SPEED, MAX_SPEED)
        return jnp.stack([angle + speed * SECONDS, speed]), -cost, jnp.bool_(False)

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        return jnp.stack([jnp.cos(state[0]), jnp.sin(state[0]), state[1]])

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        angle = float(state[0])
        canvas = Canvas((-1.3, 1.3), (-1.3, 1.3))
        canvas.line((0, 0), (-math.sin(angle), math.cos(angle)), "indianred", 0.16)
        canvas.disk((0, 0), 0.06, "black")
        return canvas.picture()
