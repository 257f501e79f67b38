"""Behavior cloning: policies that are trained to act as an expert did (Pomerleau 1989)."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.metrics.accumulate import total
from jaxdl.rl.agents.actor_critic import evaluate_policy
from jaxdl.rl.agents.learners import rollout
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import start_episode
from jaxdl.rl.evaluation import Greedy
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, apply_gradients, average, device_key, finish_step
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Tree

GAMES = 20  # that an expert plays side by side


class Shown(NamedTuple):
    """What an expert saw and did: `(P, ...)`; of several learners `(S, P, ...)`."""

    observation: Array
    action: Array


def demonstrations(
    environment: Environment, greedy: Greedy, params: Tree, key: Key, *, count: int
) -> Shown:
    """`count` steps of the first learner of `params`, without exploration, in random order."""
    first = jax.tree.map(lambda x: x[:1], params)
    play_key, mix_key = jax.random.split(key)
    keys = jax.random.split(play_key, (GAMES, 1))
    begun = jax.vmap(jax.vmap(lambda k: start_episode(environment, k)))(keys)
    choose = lambda observation, keys: greedy(first, observation)  # noqa: E731
    _, seen = rollout(environment, choose, begun, keys, steps=-(-count // GAMES))
    order = jax.random.permutation(mix_key, seen.reward.size)[:count]
    flat = jax.tree.map(
        lambda x: x.reshape(-1, *x.shape[3:])[order], (seen.observation, seen.action)
    )
    return Shown(*flat)


def cloning_loss(network: nn.Module, params: Tree, shown: Shown) -> Array:
    """-log pi(a | s) of what was shown `(n, ...)`: `(n,)`."""
    policy, _ = evaluate_policy(network, params, shown.observation)
    return -policy.log_prob(shown.action)


def make_cloning_step(
    network: nn.Module,
    tx: optax.GradientTransformation,
    shown: Shown,
    counts: tuple[int, ...],
    *,
    batch: int,
    axis_name: str | None = AXIS,
) -> Step:
    """One update of each of S learners, which sees the first `counts[s]` of its own `shown`
    `(S, P, ...)`, on the host, `batch` of them a time."""

    def update(state: TrainState, key: Key, shown: Shown, most: Array, share: int) -> tuple:
        places = jax.random.randint(key, (share,), 0, most)
        rows = jax.tree.map(lambda x: x[places], shown)
        loss, grads = jax.value_and_grad(
            lambda params: jnp.mean(cloning_loss(network, params, rows))
        )(state.params)
        loss, grads = average((loss, grads), axis_name)
        new = apply_gradients(tx, state, grads)
        return new.params, new.opt_state, loss, optax.tree.norm(grads)

    def step(state: TrainState, _: Batch) -> tuple[TrainState, Pairs]:
        key = device_key(jax.random.fold_in(state.key, state.step), axis_name)
        devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
        keys = learner_keys(key, len(counts))

        def one(params: Tree, opt_state: Tree, key: Key, shown: Shown, most: Array) -> tuple:
            single = TrainState(state.step, params, opt_state, state.key, hyper=state.hyper)
            return update(single, key, shown, most, max(1, batch // devices))

        params, opt_state, losses, norms = jax.vmap(one)(
            state.params, state.opt_state, keys, jax.tree.map(jnp.asarray, shown), jnp.array(counts)
        )
        metrics = total({"loss": (losses.sum(), losses.size)}, axis_name)
        new = state.replace(params=params, opt_state=opt_state)
        return finish_step(state, new, losses.sum(), jnp.max(norms), metrics)

    return step
