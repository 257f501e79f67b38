"""Acrobot-v1: two links, a motor between them, the tip to be swung up."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.rl.environments.canvas import Canvas
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

GRAVITY, SECONDS = 9.8, 0.2
MASS, LENGTH, CENTER, INERTIA = 1.0, 1.0, 0.5, 1.0  # of either link
MAX_SPEEDS = 4 * math.pi, 9 * math.pi


@dataclass(frozen=True)
class Acrobot(Environment):
    """Sutton & Barto 2018, figure 11.4 of the first edition, as Gymnasium has it.

    State: two angles and their speeds, `(4,)`. Observation `(6,)`: cosine and sine of either, the
    speeds. Actions: torque -1, 0, 1. Reward -1 a step, 0 for the one that ends with the tip one
    length above the bar; 500 steps at most.
    """

    name = "acrobot"
    actions = Discrete(3)
    time_limit = 500
    gymnasium = "Acrobot-v1"
    scale = (1.0, 1.0, 1.0, 1.0, 4.0, 9.0)

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return jax.random.uniform(key, (4,), jnp.float32, minval=-0.1, maxval=0.1)

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """One step of the fourth-order Runge-Kutta method."""
        torque = jnp.float32(action) - 1
        k1 = _rates(state, torque)
        k2 = _rates(state + SECONDS / 2 * k1, torque)
        k3 = _rates(state + SECONDS / 2 * k2, torque)
        k4 = _rates(state + SECONDS * k3, torque)
        state = state + SECONDS / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        angles, limit = state[:2], jnp.array(MAX_SPEEDS)
        angles = angles - 2 * math.pi * jnp.round(angles / (2 * math.pi))
        state = jnp.concatenate([angles, jnp.clip(state[2:], -limit, limit)])
        high = -jnp.cos(state[0]) - jnp.cos(state[0] + state[1]) > 1
        return state, jnp.where(high, 0.0, -1.0), high

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        one, two = state[:2]
        turned = jnp.stack([jnp.cos(one), jnp.sin(one), jnp.cos(two), jnp.sin(two)])
        return jnp.concatenate([turned, state[2:]])

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        one, both = float(state[0]), float(state[0] + state[1])
        elbow = LENGTH * math.sin(one), -LENGTH * math.cos(one)
        tip = elbow[0] + LENGTH * math.sin(both), elbow[1] - LENGTH * math.cos(both)
        canvas = Canvas((-2.2, 2.2), (-2.2, 2.2))
        canvas.line((-2.2, 1), (2.2, 1), "black", 0.02)
        for start, end in (((0.0, 0.0), elbow), (elbow, tip)):
            canvas.line(start, end, "darkcyan", 0.16)
            canvas.disk(start, 0.1, "goldenrod")
        return canvas.picture()


def _rates(state: Array, torque: Array) -> Array:
    """The derivative of a state by time."""
    one, two, one_dot, two_dot = state
    cos, sin = jnp.cos(two), jnp.sin(two)
    d1 = MASS * CENTER**2 + MASS * (LENGTH**2 + CENTER**2 + 2 * LENGTH * CENTER * cos) + 2 * INERTIA
    d2 = MASS * (CENTER**2 + LENGTH * CENTER * cos) + INERTIA
    phi2 = MASS * CENTER * GRAVITY * jnp.cos(one + two - math.pi / 2)
    coupling = MASS * LENGTH * CENTER * sin
    phi1 = (
        -coupling * two_dot**2
        - 2 * coupling * two_dot * one_dot
        + (MASS * CENTER + MASS * LENGTH) * GRAVITY * jnp.cos(one - math.pi / 2)
        + phi2
    )
    pull = torque + d2 / d1 * phi1 - coupling * one_dot**2 - phi2
    two_acc = pull / (MASS * CENTER**2 + INERTIA - d2**2 / d1)
    one_acc = -(d2 * two_acc + phi1) / d1
    return jnp.stack([one_dot, two_dot, one_acc, two_acc])
