"""REINFORCE: whole episodes, then one update by what followed each action."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError, check_at_least, check_fraction
from jaxdl.losses.reinforcement import policy_gradient
from jaxdl.metrics.accumulate import total
from jaxdl.rl.agents.actor_critic import evaluate_policy, sampled
from jaxdl.rl.agents.learners import environment_keys, rollout, seen_metrics
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import Episode, Transition, start_episode
from jaxdl.rl.returns import discounted_returns
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, apply_gradients, average, finish_step, move_averages
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Tree


@dataclass(frozen=True)
class ReinforceConfig:
    """What an update of REINFORCE sees."""

    discount: float = 0.99
    environments: int = 16
    """Episodes of an update, of each learner."""
    baseline: bool = True
    """A learned value of the state is taken from its return."""
    value_weight: float = 0.5
    """Of the baseline's squared error, halved."""
    entropy_weight: float = 0.0
    """Of the policy's entropy, which is to stay large."""
    scale: float = 0.1
    """What returns are multiplied by."""
    measure_every: int = 10
    """Steps between measurements of the gradients' deviation, each dearer than an update."""

    def __post_init__(self) -> None:
        check_fraction("agent.discount", self.discount)
        for name in ("environments", "measure_every"):
            check_at_least(f"agent.{name}", getattr(self, name), 1)


def first_episode(seen: Transition) -> Array:
    """True up to the end of the first episode `(T, ...)`."""
    ended = jnp.cumsum(seen.ended, axis=0)
    return ended - seen.ended == 0


def of_first_episodes(seen: Transition) -> Transition:
    """Without the rewards and ends of what follows the first episode."""
    own = first_episode(seen)
    return seen._replace(
        reward=jnp.where(own, seen.reward, 0),
        episode_return=jnp.where(own, seen.episode_return, 0),
        terminated=own & seen.terminated,
        truncated=own & seen.truncated,
    )


def episode_terms(
    network: nn.Module, params: Tree, seen: Transition, cfg: ReinforceConfig, *, baseline: bool
) -> tuple[Array, Array, Array]:
    """Of one learner's steps `(T, N)`: the policy's losses, the baseline's, the entropies."""
    flat = seen.observation.reshape(-1, *seen.observation.shape[2:])
    policy, value = evaluate_policy(network, params, flat)
    action = seen.action.reshape(len(flat), *seen.action.shape[2:])
    log_prob, entropy, value = (
        x.reshape(seen.reward.shape) for x in (policy.log_prob(action), policy.entropy(), value)
    )
    returns = discounted_returns(cfg.scale * seen.reward, seen.ended, discount=cfg.discount)
    advantage = returns - value if baseline else returns
    return policy_gradient(log_prob, advantage), 0.5 * (value - returns) ** 2, entropy


def reinforce_loss(
    network: nn.Module, params: Tree, seen: Transition, cfg: ReinforceConfig
) -> Array:
    """The mean over episodes of the sum of their steps' terms (Williams 1992; Sutton & Barto 2018,
    section 13.4), of one learner's rollouts `(T, N)`, which begin with an episode each."""
    own = first_episode(seen)
    actor, critic, entropy = episode_terms(network, params, seen, cfg, baseline=cfg.baseline)
    terms = actor - cfg.entropy_weight * entropy
    terms = terms + cfg.value_weight * critic if cfg.baseline else terms
    return jnp.sum(jnp.where(own, terms, 0)) / own.shape[1]


def gradient_deviations(
    network: nn.Module, params: Tree, seen: Transition, cfg: ReinforceConfig
) -> tuple[Array, Array]:
    """How far the policy's gradients of single episodes lie from their mean, with the baseline and
    without: the root of the mean square over episodes, of one learner's `(T, N)`."""
    own = first_episode(seen)

    def spread(baseline: bool) -> Array:
        def one(params: Tree, episode: Transition, own: Array) -> Array:
            single = jax.tree.map(lambda x: x[:, None], episode)
            actor, *_ = episode_terms(network, params, single, cfg, baseline=baseline)
            return jnp.sum(jnp.where(own, actor[:, 0], 0))

        grads = jax.vmap(jax.grad(one), in_axes=(None, 1, 1))(params, seen, own)
        squares = jax.tree.map(lambda g: jnp.sum((g - g.mean(0, keepdims=True)) ** 2), grads)
        return jnp.sqrt(sum(jax.tree.leaves(squares)) / own.shape[1])

    return spread(baseline=True), spread(baseline=False)


def fresh_episodes(
    environment: Environment, choose: Callable[[Array, Key], Array], keys: Key
) -> tuple[Episode, Transition]:
    """One episode from its start in each environment `(N, S)`: (episodes, transitions
    `(limit, N, S)`; what follows an episode's end belongs to another)."""
    begun = jax.vmap(jax.vmap(lambda key: start_episode(environment, key)))(keys)
    return rollout(environment, choose, begun, keys, steps=environment.time_limit)


def make_reinforce_step(
    network: nn.Module,
    tx: optax.GradientTransformation,
    environment: Environment,
    cfg: ReinforceConfig,
    *,
    ema: float = 0.0,
    axis_name: str | None = AXIS,
) -> Step:
    """Whole episodes of the newest policy, then one update. `ema`: see `move_averages`.

    Raises UsageError where episodes have no limit.
    """
    if not environment.time_limit:
        raise UsageError(
            f"agent.name = reinforce needs whole episodes; {environment.name} sets no time_limit"
        )

    def update(state: TrainState, params: Tree, opt_state: Tree, seen: Transition) -> tuple:
        loss, grads = jax.value_and_grad(reinforce_loss, argnums=1)(network, params, seen, cfg)
        loss, grads = average((loss, grads), axis_name)
        one = TrainState(state.step, params, opt_state, state.key, hyper=state.hyper)
        new = apply_gradients(tx, one, grads)
        return new.params, new.opt_state, loss, optax.tree.norm(grads)

    measure = jax.vmap(partial(gradient_deviations, network, cfg=cfg), in_axes=(0, 2))

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        keys = environment_keys(key, state.local["episodes"], axis_name)
        episodes, seen = fresh_episodes(environment, sampled(network, state.params), keys)
        params, opt_state, losses, norms = jax.vmap(
            lambda *parts: update(state, *parts), in_axes=(0, 0, 2)
        )(state.params, state.opt_state, seen)
        count = losses.size * (state.step % cfg.measure_every == 0)
        with_baseline, without = jax.lax.cond(
            count > 0, measure, lambda *_: (0 * losses, 0 * losses), state.params, seen
        )
        metrics = {
            "loss": (losses.sum(), losses.size),
            "deviation_plain": (without.sum(), count),
        }
        if cfg.baseline:  # without, the values are not learned
            metrics["deviation_baseline"] = with_baseline.sum(), count
        metrics = total({**metrics, **seen_metrics(of_first_episodes(seen))}, axis_name)
        new = state.replace(params=params, opt_state=opt_state, local={"episodes": episodes})
        witness = losses.sum() + metrics["reward"][0]
        return finish_step(state, move_averages(new, ema), witness, jnp.max(norms), metrics)

    return step
