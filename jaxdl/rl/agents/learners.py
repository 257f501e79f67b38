"""Several learners in one program, each with its environments: what all agents have in common.

Axes: N environments, S learners. Parameters lead with S; what lives in `TrainState.local` leads
with N, which devices share, then S. A learner's result does not depend on the others.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import (
    Episode,
    Transition,
    advance,
    random_action,
    start_episode,
)
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.training.state import TrainState
from jaxdl.training.step import row_keys
from jaxdl.typing import AXIS, Array, Key, Pairs, Tree

Choose = Callable[[Array, Key], Array]  # observations (N, S, ...), keys (N, S) -> actions (N, S)


def at_random(environment: Environment) -> Choose:
    """Uniform actions, whatever is observed."""
    each = jax.vmap(jax.vmap(lambda key: random_action(environment, key)))
    return lambda observation, keys: each(keys)


def first_learners(
    network: nn.Module,
    tx: Any,
    environment: Environment,
    key: Key,
    *,
    count: int,
    learners: int,
    beside: tuple[Array, ...] = (),
) -> TrainState:
    """The state of `learners` networks with `count` environments each, at the first step; `beside`:
    what a network takes beside observations."""
    params_key, run_key, start_key = jax.random.split(key, 3)
    observation = environment.observe(environment.reset(key))[None]

    def one(key: Key) -> tuple[Tree, Any]:
        params = network.init(key, observation, *beside)["params"]
        return params, tx.init(params)

    params, opt_state = jax.vmap(one)(learner_keys(params_key, learners))
    hyper = jax.tree.map(lambda x: x[0], dict(opt_state.hyperparams))
    keys = learner_keys(row_keys(start_key, {"row": jnp.arange(count)}, None), learners)
    start = jax.vmap(jax.vmap(lambda k: start_episode(environment, k)))
    return TrainState(
        step=jnp.int32(0),
        params=params,
        opt_state=opt_state,
        key=run_key,
        hyper=hyper,
        local={"episodes": start(keys)},
    )


def environment_keys(key: Key, episodes: Episode, axis_name: str | None = AXIS) -> Key:
    """A key for each environment of each learner `(N, S)`, the same on any number of devices."""
    rows = row_keys(key, {"row": episodes.steps}, axis_name)
    return learner_keys(rows, episodes.steps.shape[1])


def apply_each(network: nn.Module, params: Tree, observation: Array) -> Any:
    """Each learner's network on its own observations: `(N, S, ...)` -> `(N, S, ...)`."""

    def one(params: Tree, observation: Array) -> Any:
        return network.apply({"params": params}, observation)

    return jax.vmap(one, in_axes=(0, 1), out_axes=1)(params, observation)


def observe(environment: Environment, episodes: Episode) -> Array:
    """What each agent sees: `(N, S, ...)`."""
    return jax.vmap(jax.vmap(environment.observe))(episodes.state)


def take_step(
    environment: Environment, choose: Choose, episodes: Episode, keys: Key
) -> tuple[Episode, Transition]:
    """One step of all environments: (episodes, transitions `(N, S, ...)`)."""
    both = jax.vmap(jax.vmap(jax.random.split))(keys)
    action = choose(observe(environment, episodes), both[..., 0])
    step = jax.vmap(jax.vmap(lambda *args: advance(environment, *args)))
    return step(both[..., 1], episodes, action)


def rollout(
    environment: Environment, choose: Choose, episodes: Episode, keys: Key, *, steps: int
) -> tuple[Episode, Transition]:
    """`steps` of them: (episodes, transitions `(T, N, S, ...)`)."""
    fold = jax.vmap(jax.vmap(jax.random.fold_in, (0, None)), (0, None))

    def one(episodes: Episode, time: Array) -> tuple[Episode, Transition]:
        return take_step(environment, choose, episodes, fold(keys, time))

    return jax.lax.scan(one, episodes, jnp.arange(steps))


def seen_metrics(seen: Transition) -> Pairs:
    """(sum, count) of the rewards, and of the returns of episodes that ended.

    The sum of rewards is not finite where any number is not that an environment gave.
    """
    sound = jnp.all(jnp.isfinite(seen.next_observation))
    reward = jnp.sum(seen.reward) + jnp.where(sound, 0, jnp.nan)
    ended = jnp.sum(seen.ended, dtype=jnp.float32)
    return {
        "return": (jnp.sum(seen.episode_return), ended),
        "reward": (reward, jnp.float32(seen.reward.size)),
    }
