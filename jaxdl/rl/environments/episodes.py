"""Episodes one after the other: time limit and automatic reset, and what each step was."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from jaxdl.rl.environments.environment import Box, Environment
from jaxdl.typing import Array, Key, Tree


class Episode(struct.PyTreeNode):
    """Where an episode is: the state, the steps taken, the rewards so far."""

    state: Tree
    steps: Array
    reward_sum: Array


class Transition(NamedTuple):
    """One step. `next_observation` is that of the episode itself, before any reset.

    `terminated`: the environment ended it, and nothing comes after; `truncated`: the time limit
    cut it off, and what would have come after still counts. Never both. `episode_return` and
    `episode_steps` are those of an episode that ended with this step, else 0.
    """

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    terminated: Array
    truncated: Array
    episode_return: Array
    episode_steps: Array

    @property
    def ended(self) -> Array:
        """Whether an episode ended with this step, either way."""
        return self.terminated | self.truncated


def start_episode(environment: Environment, key: Key) -> Episode:
    """The first state of an episode."""
    return Episode(environment.reset(key), jnp.int32(0), jnp.float32(0))


def advance(
    environment: Environment, key: Key, episode: Episode, action: Array
) -> tuple[Episode, Transition]:
    """One step of one episode, and the start of the next one where that ended it."""
    step_key, reset_key = jax.random.split(key)
    before = episode.state
    state, reward, terminated = environment.step(step_key, before, action)
    reward, terminated = jnp.float32(reward), jnp.bool_(terminated)
    steps, total = episode.steps + 1, episode.reward_sum + reward
    limit = environment.time_limit
    truncated = ~terminated & (steps >= limit) if limit else jnp.bool_(False)
    ended = terminated | truncated
    transition = Transition(
        environment.observe(before),
        action,
        reward,
        environment.observe(state),
        terminated,
        truncated,
        jnp.where(ended, total, 0),
        jnp.where(ended, steps, 0),
    )
    fresh = start_episode(environment, reset_key)
    going = Episode(state, steps, total)
    return jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, going), transition


def random_action(environment: Environment, key: Key) -> Array:
    """Uniform over the actions."""
    kind = environment.actions
    if isinstance(kind, Box):
        return jax.random.uniform(key, (kind.size,), jnp.float32, kind.low, kind.high)
    return jax.random.randint(key, (), 0, kind.count)


def random_rollout(
    environment: Environment, key: Key, *, count: int, steps: int
) -> tuple[Episode, Transition]:
    """Random actions in `count` environments: the last episodes, transitions `(steps, count)`."""
    keys = jax.random.split(key, (steps + 1, count))

    def one(episodes: Episode, keys: Key) -> tuple[Episode, Transition]:
        pairs = jax.vmap(jax.random.split)(keys)
        actions = jax.vmap(lambda k: random_action(environment, k))(pairs[:, 0])
        return jax.vmap(lambda *a: advance(environment, *a))(pairs[:, 1], episodes, actions)

    episodes = jax.vmap(lambda k: start_episode(environment, k))(keys[0])
    return jax.lax.scan(one, episodes, keys[1:])
