"""Breakout on 10 by 10 pixels, by the rules of MinAtar."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.rl.environments.canvas import enlarge
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

SIDE = 10
# Headings: up-left, up-right, down-right, down-left.
STEP_X, STEP_Y = np.array([-1, 1, 1, -1]), np.array([-1, -1, 1, 1])
TURN_X, TURN_Y, TURN_BACK = np.array([1, 0, 3, 2]), np.array([3, 2, 1, 0]), np.array([2, 3, 0, 1])


class BreakoutState(NamedTuple):
    """Places are int32; `bricks` `(10, 10)` bool; `strike`: the ball is inside a brick it broke."""

    x: Array
    y: Array
    heading: Array
    paddle: Array
    bricks: Array
    strike: Array
    last_x: Array
    last_y: Array


@dataclass(frozen=True)
class Breakout(Environment):
    """Young & Tian 2019 (MinAtar, arXiv 1903.03176), without its sticky actions; the three actions
    that count: 0 nothing, 1 left, 2 right.

    Observation: bool pixels `(10, 10, 4)`, paddle, ball, trail and bricks. +1 for each brick; the
    episode ends when the ball falls below the paddle, is truncated after 1,000 steps (MinAtar
    itself has no limit).
    """

    name = "breakout"
    actions = Discrete(3)
    time_limit = 1000

    def reset(self, key: Key) -> BreakoutState:
        """See `Environment`."""
        right = jax.random.bernoulli(key)
        x, y = jnp.where(right, SIDE - 1, 0), jnp.int32(3)
        heading = jnp.where(right, 3, 2)
        return BreakoutState(x, y, heading, jnp.int32(4), _wall(), jnp.bool_(False), x, y)

    def step(
        self, key: Key, state: BreakoutState, action: Array
    ) -> tuple[BreakoutState, Array, Array]:
        """See `Environment`."""
        paddle = jnp.clip(state.paddle + (action == 2) - (action == 1), 0, SIDE - 1)
        heading = state.heading
        x, y = state.x + jnp.asarray(STEP_X)[heading], state.y + jnp.asarray(STEP_Y)[heading]
        side = (x < 0) | (x >= SIDE)
        x = jnp.clip(x, 0, SIDE - 1)
        heading = jnp.where(side, jnp.asarray(TURN_X)[heading], heading)
        top = y < 0
        y = jnp.maximum(y, 0)
        brick = ~top & state.bricks[y, x]
        broken = brick & ~state.strike
        floor = ~top & ~brick & (y == SIDE - 1)
        bricks = jnp.where(floor & ~state.bricks.any(), _wall(), state.bricks)
        bricks = bricks.at[y, x].set(bricks[y, x] & ~broken)
        straight = floor & (state.x == paddle)
        corner = floor & ~straight & (x == paddle)
        lost = floor & ~straight & ~corner
        heading = jnp.where(top | broken | straight, jnp.asarray(TURN_Y)[heading], heading)
        heading = jnp.where(corner, jnp.asarray(TURN_BACK)[heading], heading)
        y = jnp.where(broken | straight | corner, state.y, y)
        after = BreakoutState(x, y, heading, paddle, bricks, brick, state.x, state.y)
        return after, jnp.float32(broken), lost

    def observe(self, state: BreakoutState) -> Array:
        """See `Environment`."""
        board = jnp.zeros((SIDE, SIDE, 4), bool).at[..., 3].set(state.bricks)
        board = board.at[SIDE - 1, state.paddle, 0].set(True)
        return board.at[state.y, state.x, 1].set(True).at[state.last_y, state.last_x, 2].set(True)

    def draw(self, state: BreakoutState) -> Host:
        """See `Environment`."""
        cells = np.full((SIDE, SIDE, 3), 255, np.uint8)
        cells[np.asarray(state.bricks)] = 160, 160, 160
        cells[state.last_y, state.last_x] = 240, 200, 200
        cells[SIDE - 1, state.paddle] = 0, 139, 139
        cells[state.y, state.x] = 205, 92, 92
        return enlarge(cells)


def _wall() -> Array:
    return jnp.zeros((SIDE, SIDE), bool).at[1:4].set(True)
