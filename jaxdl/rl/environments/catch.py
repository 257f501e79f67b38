"""Catch: a paddle below a falling ball."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.rl.environments.canvas import enlarge
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

ROWS, COLUMNS = 10, 5


@dataclass(frozen=True)
class Catch(Environment):
    """Mnih et al. 2014 (Recurrent models of visual attention), the board of bsuite's catch.

    State: row and column of the ball, column of the paddle, `(3,)` int32. Observation: bool pixels
    `(10, 5, 2)`, ball and paddle. Actions: 0 left, 1 stay, 2 right. The ball falls one row a step;
    in the last row the episode ends, with +1 if it is caught, -1 if not.
    """

    name = "catch"
    actions = Discrete(3)

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return jnp.array([0, 0, COLUMNS // 2]).at[1].set(jax.random.randint(key, (), 0, COLUMNS))

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """See `Environment`."""
        row, column, paddle = state
        paddle = jnp.clip(paddle + action - 1, 0, COLUMNS - 1)
        row = row + 1
        down = row == ROWS - 1
        reward = jnp.where(down, jnp.where(column == paddle, 1.0, -1.0), 0.0)
        return jnp.stack([row, column, paddle]), reward, down

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        row, column, paddle = state
        board = jnp.zeros((ROWS, COLUMNS, 2), bool)
        return board.at[row, column, 0].set(True).at[ROWS - 1, paddle, 1].set(True)

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        cells = np.full((ROWS, COLUMNS, 3), 255, np.uint8)
        cells[ROWS - 1, state[2]] = 0, 139, 139
        cells[state[0], state[1]] = 205, 92, 92
        return enlarge(cells)
