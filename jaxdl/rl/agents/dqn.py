"""Deep Q-learning: replay, a target network, double and dueling forms, as one step."""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import check_at_least, check_fraction
from jaxdl.losses.reinforcement import huber, q_targets
from jaxdl.rl.agents.learners import Choose, apply_each, environment_keys, first_learners
from jaxdl.rl.agents.memory import MemoryConfig, make_memory_step, with_memory
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.replay import Experience
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, apply_gradients, average, move_averages
from jaxdl.typing import AXIS, Array, Key, Tree


@dataclass(frozen=True)
class DQNConfig(MemoryConfig):
    """How a DQN acts, remembers and learns; steps are those of training."""

    target_every: int = 1
    """Steps between moves of the target network."""
    target_rate: float = 0.005
    """The part of the way to the learning network that a move goes; 1 is a copy."""
    delta: float = 10.0
    """Errors of a value count squared up to here, beyond it linearly: small against the values,
    it lets the many transitions within episodes outvote the few that end them."""
    double: bool = True
    """The learning network chooses the action that the target network values."""
    dueling: bool = False
    """The network has heads for the value and for the advantages."""
    epsilon_end: float = 0.05
    """The share of random actions, which falls from 1."""
    epsilon_steps: int = 2000
    """Steps over which it falls."""
    explore_hold: int = 0
    """Steps for which an environment keeps to its random action, or to the best ones (0: it draws
    at every one): goals that a random walk does not reach (arXiv 2006.01782, of equal lengths)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epsilon_end", "target_rate"):
            check_fraction(f"agent.{name}", getattr(self, name))
        check_at_least("agent.explore_hold", self.explore_hold, 0)
        for name in ("target_every", "epsilon_steps"):
            check_at_least(f"agent.{name}", getattr(self, name), 1)


def first_dqn(
    network: nn.Module, tx: optax.GradientTransformation, environment: Environment, cfg: DQNConfig
) -> Callable[[Key, int], TrainState]:
    """`init(key, learners)`: an empty memory, and the target a copy of the network."""

    def init(key: Key, learners: int) -> TrainState:
        state = first_learners(
            network, tx, environment, key, count=cfg.environments, learners=learners
        )
        state = with_memory(state, environment, key, cfg)
        return state.replace(extra={"target": jax.tree.map(jnp.copy, state.params)})

    return init


def epsilon(step: Array, cfg: DQNConfig) -> Array:
    """The share of random actions at a step."""
    return jnp.maximum(1 - (1 - cfg.epsilon_end) * step / cfg.epsilon_steps, cfg.epsilon_end)


def make_dqn_step(
    network: nn.Module,
    tx: optax.GradientTransformation,
    environment: Environment,
    cfg: DQNConfig,
    *,
    ema: float = 0.0,
    axis_name: str | None = AXIS,
) -> Step:
    """Deep Q-learning (Mnih et al. 2015) as a step; `ema`: see `move_averages`."""
    learn = make_q_update(network, tx, cfg, axis_name)

    def update(
        state: TrainState, params: Tree, opt_state: Tree, extra: Tree, rows: Experience
    ) -> tuple[Tree, Tree, Array, Array]:
        return learn(state, params, opt_state, extra["target"], rows)

    def chooser(state: TrainState) -> Choose:
        return explorer(network, state, cfg, axis_name)

    def after(state: TrainState, ready: Array) -> TrainState:
        return move_averages(move_target(state, ready, cfg), ema)

    return make_memory_step(environment, cfg, chooser, update, after, axis_name=axis_name)


def move_target(state: TrainState, ready: Array, cfg: DQNConfig) -> TrainState:
    """`state`, whose target has gone its part of the way where it is time to."""
    rate = cfg.target_rate * (ready & (state.step % cfg.target_every == 0))
    target = optax.incremental_update(state.params, state.extra["target"], rate)
    return state.replace(extra={"target": target})


def epsilon_greedy(network: nn.Module, params: Tree, share: Array) -> Choose:
    """The best action, or any with probability `share`: (observations, keys) `(N, S)`."""

    def one(q: Array, key: Key) -> Array:
        chance_key, any_key = jax.random.split(key)
        drawn = jax.random.randint(any_key, (), 0, len(q))
        random = jax.random.uniform(chance_key, dtype=jnp.float32) < share
        return jnp.where(random, drawn, jnp.argmax(q)).astype(jnp.int32)

    def choose(observation: Array, keys: Key) -> Array:
        return jax.vmap(jax.vmap(one))(apply_each(network, params, observation), keys)

    return choose


def explorer(
    network: nn.Module, state: TrainState, cfg: DQNConfig, axis_name: str | None
) -> Choose:
    """How `state` acts in training."""
    choose = epsilon_greedy(network, state.params, epsilon(state.step, cfg))
    hold = cfg.explore_hold
    return hold_draws(choose, state, hold, axis_name) if hold else choose


def hold_draws(choose: Choose, state: TrainState, steps: int, axis_name: str | None) -> Choose:
    """`choose`, whose keys stay the same for so many steps of training."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, 1), state.step // steps)
    held = environment_keys(key, state.local["episodes"], axis_name)
    return lambda observation, keys: choose(observation, held)


def make_q_update(
    network: nn.Module, tx: optax.GradientTransformation, cfg: DQNConfig, axis_name: str | None
) -> Callable[..., tuple[Tree, Tree, Array, Array]]:
    """`f(state, params, opt_state, target, rows) -> (params, opt_state, loss, gradient norm)` of
    one learner; of `state` the numbers of the optimizer are taken."""

    def q_values(params: Tree, observation: Array) -> Array:
        return network.apply({"params": params}, observation)  # pyright: ignore

    def loss_fn(params: Tree, target: Tree, rows: Experience) -> Array:
        chosen_by = q_values(params, rows.next_observation) if cfg.double else None
        wanted = q_targets(
            rows.reward,
            rows.terminated,
            q_values(target, rows.next_observation),
            discount=cfg.discount,
            chosen_by=chosen_by,
        )
        q = q_values(params, rows.observation)
        taken = jnp.take_along_axis(q, rows.action[:, None], axis=1)[:, 0]
        return jnp.mean(huber(taken - wanted, delta=cfg.delta))

    def update(
        state: TrainState, params: Tree, opt_state: Tree, target: Tree, rows: Experience
    ) -> tuple[Tree, Tree, Array, Array]:
        loss, grads = jax.value_and_grad(loss_fn)(params, target, rows)
        loss, grads = average((loss, grads), axis_name)
        one = TrainState(state.step, params, opt_state, state.key, hyper=state.hyper)
        new = apply_gradients(tx, one, grads)
        return new.params, new.opt_state, loss, optax.tree.norm(grads)

    return update
