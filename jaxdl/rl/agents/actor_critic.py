"""Policies that learn from their own newest steps: A2C and PPO, as one step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import check_at_least, check_fraction
from jaxdl.losses.reinforcement import clipped_surrogate, policy_gradient
from jaxdl.metrics.accumulate import total
from jaxdl.rl.agents.learners import apply_each, environment_keys, rollout, seen_metrics
from jaxdl.rl.agents.policies import Policy
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import Transition
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.rl.returns import gae, n_step_returns
from jaxdl.training.state import TrainState
from jaxdl.training.step import (
    Step,
    apply_gradients,
    average,
    device_key,
    finish_step,
    move_averages,
)
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Tree


@dataclass(frozen=True)
class ActorCriticConfig:
    """What A2C and PPO share."""

    discount: float = 0.99
    environments: int = 16
    """Environments of each learner."""
    block: int = 32
    """Steps in each of them before the updates of a step."""
    trace: float = 0.95
    """Lambda of the generalized advantage estimate."""
    value_weight: float = 0.5
    """Of the value's squared error, halved."""
    entropy_weight: float = 0.0
    """Of the policy's entropy, which is to stay large."""
    normalize: bool = True
    """Advantages of an update have mean 0 and deviation 1."""
    reward_scale: float = 1.0
    """What rewards are multiplied by before learning."""

    epochs: ClassVar[int] = 1
    minibatches: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for name in ("discount", "trace"):
            check_fraction(f"agent.{name}", getattr(self, name))
        for name in ("environments", "block", "epochs", "minibatches"):
            check_at_least(f"agent.{name}", getattr(self, name), 1)

    @property
    def updates(self) -> int:
        """Updates a step."""
        return self.epochs * self.minibatches


@dataclass(frozen=True)
class A2CConfig(ActorCriticConfig):
    """Advantage actor-critic: one update by all steps of a block (Mnih et al. 2016)."""

    steps_ahead: int = 0
    """Rewards before the value, of n-step returns (0: generalized advantage estimates)."""


@dataclass(frozen=True)
class PPOConfig(ActorCriticConfig):
    """Proximal policy optimization (Schulman et al. 2017)."""

    epochs: int = 4  # pyright: ignore
    """Passes over the steps of a block."""
    minibatches: int = 4  # pyright: ignore
    """Parts of a pass, one update each."""
    clip: float = 0.2
    """How far the ratio of probabilities counts."""


class Rows(NamedTuple):
    """What one learner's updates see of a block, each `(n, ...)`."""

    observation: Array
    action: Array
    log_prob: Array
    advantage: Array
    target: Array


def sampled(network: nn.Module, params: Tree) -> Callable[[Array, Key], Array]:
    """Actions drawn from the policy: (observations, keys) `(N, S)`."""

    def choose(observation: Array, keys: Key) -> Array:
        policy, _ = apply_each(network, params, observation)
        return jax.vmap(jax.vmap(lambda one, key: one.sample(key)))(policy, keys)

    return choose


def evaluate_policy(network: nn.Module, params: Tree, observation: Array) -> tuple[Policy, Array]:
    """What one learner's network says of observations `(n, ...)`: policy and values `(n,)`."""
    out: Any = network.apply({"params": params}, observation)
    return out


def judge_block(network: nn.Module, params: Tree, seen: Transition, cfg: ActorCriticConfig) -> Rows:
    """One learner's transitions `(T, N, ...)` with advantages and targets of the value."""

    def apply(observation: Array) -> tuple[Policy, Array]:
        flat = observation.reshape(-1, *observation.shape[2:])
        policy, value = evaluate_policy(network, params, flat)
        return jax.tree.map(lambda x: x.reshape(*observation.shape[:2], *x.shape[1:]), policy), (
            value.reshape(observation.shape[:2])
        )

    policy, value = apply(seen.observation)
    _, next_value = apply(seen.next_observation)
    reward = cfg.reward_scale * seen.reward
    if isinstance(cfg, A2CConfig) and cfg.steps_ahead:
        target = n_step_returns(
            reward,
            next_value,
            seen.terminated,
            seen.truncated,
            discount=cfg.discount,
            count=cfg.steps_ahead,
        )
        advantage = target - value
    else:
        advantage = gae(
            reward,
            value,
            next_value,
            seen.terminated,
            seen.truncated,
            discount=cfg.discount,
            trace=cfg.trace,
        )
        target = advantage + value
    rows = Rows(seen.observation, seen.action, policy.log_prob(seen.action), advantage, target)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)


def actor_critic_loss(
    network: nn.Module, params: Tree, rows: Rows, cfg: ActorCriticConfig, axis_name: str | None
) -> tuple[Array, Array]:
    """(loss, mean entropy) of one learner's rows `(n, ...)`."""
    policy, value = evaluate_policy(network, params, rows.observation)
    log_prob, advantage = policy.log_prob(rows.action), rows.advantage
    if cfg.normalize:
        mean = average(jnp.mean(advantage), axis_name)
        variance = average(jnp.mean((advantage - mean) ** 2), axis_name)
        advantage = (advantage - mean) / (jnp.sqrt(variance) + 1e-8)
    if isinstance(cfg, PPOConfig):
        actor = clipped_surrogate(log_prob, rows.log_prob, advantage, clip=cfg.clip)
    else:
        actor = policy_gradient(log_prob, advantage)
    entropy = jnp.mean(policy.entropy())
    critic = 0.5 * (value - rows.target) ** 2
    loss = jnp.mean(actor) + cfg.value_weight * jnp.mean(critic) - cfg.entropy_weight * entropy
    return loss, entropy


def make_actor_critic_step(
    network: nn.Module,
    tx: optax.GradientTransformation,
    environment: Environment,
    cfg: ActorCriticConfig,
    *,
    ema: float = 0.0,
    axis_name: str | None = AXIS,
) -> Step:
    """A block of steps in all environments, then the updates of its rows.

    Minibatches are parts of each device's own rows. `ema`: see `move_averages`.
    """
    learn = make_block_update(network, tx, cfg, axis_name)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        keys = environment_keys(key, state.local["episodes"], axis_name)
        choose = sampled(network, state.params)
        episodes, seen = rollout(
            environment, choose, state.local["episodes"], keys, steps=cfg.block
        )
        own = learner_keys(device_key(key, axis_name), episodes.steps.shape[1])
        params, opt_state, losses, norms, entropy = jax.vmap(
            lambda *parts: learn(state, *parts), in_axes=(0, 0, 2, 0)
        )(state.params, state.opt_state, seen, own)
        metrics = {
            "loss": (losses.sum(), losses.size),
            "entropy": (entropy.sum(), entropy.size),
            **seen_metrics(seen),
        }
        metrics = total(metrics, axis_name)
        new = state.replace(params=params, opt_state=opt_state, local={"episodes": episodes})
        new = move_averages(new, ema)
        witness = losses.sum() + metrics["reward"][0]
        return finish_step(state, new, witness, jnp.max(norms), metrics)

    return step


def make_block_update(
    network: nn.Module,
    tx: optax.GradientTransformation,
    cfg: ActorCriticConfig,
    axis_name: str | None,
) -> Callable[..., tuple[Tree, Tree, Array, Array, Array]]:
    """`f(state, params, opt_state, seen, key)` of one learner -> (params, opt_state; of each
    update the loss, the gradient's norm and the entropy)."""

    def update(state: TrainState, carry: tuple[Tree, Tree], rows: Rows) -> tuple:
        params, opt_state = carry

        def loss_fn(params: Tree) -> tuple[Array, Array]:
            return actor_critic_loss(network, params, rows, cfg, axis_name)

        (loss, entropy), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
        loss, grads = average((loss, grads), axis_name)
        one = TrainState(state.step, params, opt_state, state.key, hyper=state.hyper)
        new = apply_gradients(tx, one, grads)
        return (new.params, new.opt_state), (loss, optax.tree.norm(grads), entropy)

    def learn(
        state: TrainState, params: Tree, opt_state: Tree, seen: Transition, key: Key
    ) -> tuple:
        rows = judge_block(network, params, seen, cfg)
        count = len(rows.target)

        def pick(key: Key) -> Array:
            return jax.random.permutation(key, count).reshape(cfg.minibatches, -1)

        order = jax.vmap(pick)(jax.random.split(key, cfg.epochs)).reshape(cfg.updates, -1)

        def one(carry: tuple[Tree, Tree], places: Array) -> tuple:
            part = jax.tree.map(lambda x: x[places], rows) if cfg.updates > 1 else rows
            return update(state, carry, part)

        (params, opt_state), seen_by = jax.lax.scan(one, (params, opt_state), order)
        return params, opt_state, *seen_by

    return learn
