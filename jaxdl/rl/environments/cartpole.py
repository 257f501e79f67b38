"""CartPole-v1: a pole on a cart that is pushed left or right."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.rl.environments.canvas import Canvas
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH = 9.8, 1.0, 0.1, 0.5
FORCE, SECONDS = 10.0, 0.02
MAX_POSITION, MAX_ANGLE = 2.4, 12 * 2 * math.pi / 360


@dataclass(frozen=True)
class CartPole(Environment):
    """Barto, Sutton & Anderson 1983, as Gymnasium has it: +1 a step, 500 at most.

    State and observation: position, velocity, angle (radians), angular velocity, `(4,)`. Actions:
    0 pushes left, 1 right. Terminates beyond 2.4 or 12 degrees.
    """

    name = "cartpole"
    actions = Discrete(2)
    time_limit = 500
    gymnasium = "CartPole-v1"
    scale = (1.0, 1.0, 0.2, 1.0)

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return jax.random.uniform(key, (4,), jnp.float32, minval=-0.05, maxval=0.05)

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """One Euler step (Florian 2007, equations 23 and 24 without friction)."""
        _, x_dot, angle, angle_dot = state
        force = jnp.where(action == 1, FORCE, -FORCE)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        mass = CART_MASS + POLE_MASS
        push = (force + POLE_MASS * HALF_LENGTH * angle_dot**2 * sin) / mass
        inertia = HALF_LENGTH * (4 / 3 - POLE_MASS * cos**2 / mass)
        angle_acc = (GRAVITY * sin - cos * push) / inertia
        x_acc = push - POLE_MASS * HALF_LENGTH * angle_acc * cos / mass
        rates = jnp.stack([x_dot, x_acc, angle_dot, angle_acc])
        state = state + SECONDS * rates
        fallen = (jnp.abs(state[0]) > MAX_POSITION) | (jnp.abs(state[2]) > MAX_ANGLE)
        return state, jnp.float32(1), fallen

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        return state

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        x, angle = float(state[0]), float(state[2])
        canvas = Canvas((-MAX_POSITION, MAX_POSITION), (-0.6, 1.6))
        canvas.line((-MAX_POSITION, 0), (MAX_POSITION, 0), "black", 0.02)
        canvas.line((x - 0.25, 0), (x + 0.25, 0), "black", 0.2)
        canvas.line((x, 0), (x + math.sin(angle), math.cos(angle)), "peru", 0.1)
        return canvas.picture()
