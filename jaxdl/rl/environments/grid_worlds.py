"""Worlds of a few states, given as tables: the grid world, FrozenLake, CliffWalking."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.rl.environments.canvas import enlarge
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.typing import Array, Host, Key

UP, RIGHT, DOWN, LEFT = (-1, 0), (0, 1), (1, 0), (0, -1)
Place = tuple[int, int]


class MDP(NamedTuple):
    """A finite Markov decision process in float64, of S states and A actions.

    `transition` `(S, A, S)`: probabilities of the next state; `reward` `(S, A, S)`: what that
    transition gives; `terminal` `(S,)` bool: episodes end there, and its value is 0; `start`
    `(S,)`: probabilities of the first state.
    """

    transition: Host
    reward: Host
    terminal: Host
    start: Host

    @property
    def mean_reward(self) -> Host:
        """The expected reward of an action `(S, A)`; 0 in terminal states."""
        mean = np.sum(self.transition * self.reward, axis=2)
        return np.where(self.terminal[:, None], 0, mean)

    @property
    def onward(self) -> Host:
        """`transition` without terminal states, into or out of: what values flow along."""
        alive = ~self.terminal
        return self.transition * alive[:, None, None] * alive[None, None, :]


@dataclass(frozen=True)
class Grid(Environment):
    """Cells `rows` by `columns`, numbered row by row; `moves[a]` is where action a leads.

    The observation is the cell as a one-hot `(S,)`.
    """

    actions: ClassVar[Discrete]
    shape: ClassVar[Place]
    moves: ClassVar[tuple[Place, ...]]

    @abstractmethod
    def tables(self) -> MDP:
        """Its dynamics; `mdp` keeps them."""

    @cached_property
    def mdp(self) -> MDP:
        """See `tables`."""
        return self.tables()

    def reset(self, key: Key) -> Array:
        """See `Environment`."""
        return _draw(key, jnp.asarray(np.cumsum(self.mdp.start), jnp.float32))

    def step(self, key: Key, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """See `Environment`."""
        shares = jnp.asarray(np.cumsum(self.mdp.transition, axis=2), jnp.float32)
        after = _draw(key, shares[state, action])
        reward = jnp.asarray(self.mdp.reward, jnp.float32)[state, action, after]
        return after, reward, jnp.asarray(self.mdp.terminal)[after]

    def observe(self, state: Array) -> Array:
        """See `Environment`."""
        return jax.nn.one_hot(state, len(self.mdp.terminal))

    def draw(self, state: Host) -> Host:
        """See `Environment`."""
        cells = np.full((*self.shape, 3), 255, np.uint8)
        cells[self.mdp.terminal.reshape(self.shape)] = 160, 160, 160
        cells[np.unravel_index(int(state), self.shape)] = 205, 92, 92
        return enlarge(cells)


@dataclass(frozen=True)
class GridWorld(Grid):
    """Sutton & Barto 2018, example 4.1: two opposite corners of 4 by 4 cells end the episode, every
    step costs 1; a move against the border leaves the cell as it is. Starts anywhere else."""

    name = "gridworld"
    shape = (4, 4)
    moves = (UP, RIGHT, DOWN, LEFT)
    actions = Discrete(4)
    time_limit = 100

    def tables(self) -> MDP:
        """See `Grid`."""
        terminal = np.zeros(self.shape, bool)
        terminal[0, 0] = terminal[3, 3] = True
        return grid_tables(
            self.moves,
            terminal,
            start=~terminal / np.sum(~terminal),
            arrive=lambda place: (place, -1.0),
        )


@dataclass(frozen=True)
class FrozenLake(Grid):
    """Gymnasium's FrozenLake-v1, slippery: a third each for the move and those beside it.

    Actions: left, down, right, up. +1 for the goal; holes end the episode; 100 steps at most.
    """

    name = "frozenlake"
    shape = (4, 4)
    moves = (LEFT, DOWN, RIGHT, UP)
    actions = Discrete(4)
    time_limit = 100
    gymnasium = "FrozenLake-v1"

    def tables(self) -> MDP:
        """See `Grid`."""
        cells = np.array([list(row) for row in ("SFFF", "FHFH", "FFFH", "HFFG")])
        return grid_tables(
            self.moves,
            np.isin(cells, ("H", "G")),
            start=(cells == "S").astype(np.float64),
            arrive=lambda place: (place, float(cells[place] == "G")),
            turns=(-1, 0, 1),
        )


@dataclass(frozen=True)
class CliffWalking(Grid):
    """Gymnasium's CliffWalking-v1 (Sutton & Barto 2018, example 6.6): -1 a step, -100 and back to
    the start for a step over the cliff. Actions: up, right, down, left. No limit in Gymnasium;
    here 200 steps."""

    name = "cliffwalking"
    shape = (4, 12)
    moves = (UP, RIGHT, DOWN, LEFT)
    actions = Discrete(4)
    time_limit = 200
    gymnasium = "CliffWalking-v1"

    def tables(self) -> MDP:
        """See `Grid`."""
        start, goal = np.zeros(self.shape), np.zeros(self.shape, bool)
        start[3, 0], goal[3, 11] = 1, True

        def arrive(place: Place) -> tuple[Place, float]:
            fallen = place[0] == 3 and 0 < place[1] < 11
            return ((3, 0), -100.0) if fallen else (place, -1.0)

        return grid_tables(self.moves, goal, start=start, arrive=arrive)


def grid_tables(
    moves: Sequence[Place],
    terminal: Host,
    *,
    start: Host,
    arrive: Callable[[Place], tuple[Place, float]],
    turns: tuple[int, ...] = (0,),
) -> MDP:
    """The tables of a grid whose borders hold.

    `arrive(cell)` says where one ends who steps on `cell`, and what that gives; `turns` are the
    moves before and after the chosen one that are taken in its place, equally often. A terminal
    state leads to itself, for nothing.
    """
    rows, columns = terminal.shape
    count = terminal.size
    transition = np.zeros((count, len(moves), count))
    reward = np.zeros_like(transition)
    for state in range(count):
        row, column = divmod(state, columns)
        for action in range(len(moves)):
            for turn in turns:
                down, right = moves[(action + turn) % len(moves)]
                place = min(max(row + down, 0), rows - 1), min(max(column + right, 0), columns - 1)
                place, gain = arrive(place)
                if terminal[row, column]:
                    place, gain = (row, column), 0.0
                after = place[0] * columns + place[1]
                transition[state, action, after] += 1 / len(turns)
                reward[state, action, after] = gain
    return MDP(transition, reward, terminal.ravel(), start.ravel())


def _draw(key: Key, shares: Array) -> Array:
    """A number with these cumulative probabilities `(S,)`, the last of which is 1."""
    chance = jax.random.uniform(key, dtype=jnp.float32) * shares[-1]
    return jnp.sum(chance >= shares, dtype=jnp.int32)
