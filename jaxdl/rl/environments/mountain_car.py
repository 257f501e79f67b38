"""MountainCar-v0: a car too weak for the hill must swing up."""

import math
from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp

from jaxdl.rl.environments.canvas import Canvas
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

FORCE, GRAVITY = 0.001, 0.0025
LEFT, RIGHT, GOAL, MAX_SPEED = -1.2, 0.6, 0.5, 0.07


@dataclass(frozen=True)
class MountainCar(Environment):
    """Moore 1990, as Gymnasium has it: -1 a step until the goal, 200 steps at most.

    State and observation: position, velocity, `(2,)`. Actions: 0 pushes left, 1 not, 2 right.
    """

    name = "mountaincar"
    actions = Discrete(3)
    time_limit = 200
    gymnasium = "MountainCar-v0"
    scale = (0.6, 0.035)

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return jnp.stack([jax.random.uniform(key, (), jnp.float32, -0.6, -0.4), jnp.float32(0)])

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """See `Environment`."""
        position, speed = state
        speed = speed + (jnp.float32(action) - 1) * FORCE - GRAVITY * jnp.cos(3 * position)
        speed = jnp.clip(speed, -MAX_SPEED, MAX_SPEED)
        position = jnp.clip(position + speed, LEFT, RIGHT)
        speed = jnp.where((position <= LEFT) & (speed < 0), 0, speed)
        arrived = (position >= GOAL) & (speed >= 0)
        return jnp.stack([position, speed]), jnp.float32(-1), arrived

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        return state

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        canvas = Canvas((LEFT, RIGHT), (0.0, 1.2))
        steps = [LEFT + i * (RIGHT - LEFT) / 60 for i in range(61)]
        for a, b in pairwise(steps):
            canvas.line((a, _height(a)), (b, _height(b)), "black", 0.02)
        canvas.line((GOAL, _height(GOAL)), (GOAL, _height(GOAL) + 0.15), "goldenrod", 0.03)
        x = float(state[0])
        canvas.disk((x, _height(x) + 0.05), 0.05, "darkcyan")
        return canvas.picture()


def _height(x: float) -> float:
    return 0.45 * math.sin(3 * x) + 0.55
