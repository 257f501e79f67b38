"""Deep Q-learning: replay, a target network, double and dueling forms, as one step."""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import check_at_least, check_fraction
from jaxdl.losses.reinforcement import huber, q_targets
from jaxdl.metrics.accumulate import total
from jaxdl.rl.agents.learners import (
    Choose,
    apply_each,
    environment_keys,
    first_learners,
    rollout,
    seen_metrics,
)
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import Episode, Transition, advance
from jaxdl.rl.replay import Experience, Replay, empty_replay, experience, sample, write
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
class DQNConfig:
    """How a DQN acts, remembers and learns; steps are those of training."""

    discount: float = 0.99
    environments: int = 8
    """Environments of each learner."""
    block: int = 1
    """Steps in each of them before the updates of a step."""
    updates: int = 1
    """Updates a step."""
    batch: int = 128
    """Transitions that an update sees."""
    replay: int = 10_000
    """Transitions that are kept of each environment."""
    warmup: int = 100
    """Steps without updates."""
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
        for name in ("discount", "epsilon_end", "target_rate"):
            check_fraction(f"agent.{name}", getattr(self, name))
        check_at_least("agent.explore_hold", self.explore_hold, 0)
        for name in ("environments", "block", "updates", "batch", "target_every", "epsilon_steps"):
            check_at_least(f"agent.{name}", getattr(self, name), 1)


def first_dqn(
    network: nn.Module, tx: optax.GradientTransformation, environment: Environment, cfg: DQNConfig
) -> Callable[[Key, int], TrainState]:
    """`init(key, learners)`: an empty memory, and the target a copy of the network."""

    def init(key: Key, learners: int) -> TrainState:
        state = first_learners(
            network, tx, environment, key, count=cfg.environments, learners=learners
        )
        episodes = state.local["episodes"]

        def one(episode: Tree) -> Transition:
            return advance(environment, key, episode, jnp.int32(0))[1]

        example = jax.vmap(jax.vmap(one))(episodes)
        replay = empty_replay(experience(example), cfg.replay, block=cfg.block)
        target = jax.tree.map(jnp.copy, state.params)
        local = {"episodes": episodes, "replay": replay}
        return state.replace(local=local, extra={"target": target})

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
    """`block` steps in all environments, then `updates` of the network (Mnih et al. 2015).

    Each device samples `batch` of its own environments' memory, over the number of devices. `ema`:
    see `move_averages`.
    """
    update = make_q_update(network, tx, cfg, axis_name)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        keys = environment_keys(key, state.local["episodes"], axis_name)
        choose = explorer(network, state, cfg, axis_name)
        episodes, seen = rollout(
            environment, choose, state.local["episodes"], keys, steps=cfg.block
        )
        replay = write(state.local["replay"], experience(seen))

        def learn(carry: tuple, key: Key) -> tuple:
            rows = sample(replay, key, share, block=cfg.block)
            params, opt_state, loss, norm = jax.vmap(lambda *parts: update(state, *parts))(
                *carry, state.extra["target"], rows
            )
            return (params, opt_state), (loss, norm)

        devices = 1 if axis_name is None else jax.lax.axis_size(axis_name)
        share = max(1, cfg.batch // devices)
        update_keys = jax.random.split(device_key(key, axis_name), cfg.updates)
        learned, (losses, norms) = jax.lax.scan(learn, (state.params, state.opt_state), update_keys)
        ready = state.step >= cfg.warmup
        params, opt_state = jax.tree.map(
            lambda new, old: jnp.where(ready, new, old), learned, (state.params, state.opt_state)
        )
        metrics = {"loss": (ready * losses.sum(), ready * losses.size), **seen_metrics(seen)}
        metrics = total(metrics, axis_name)
        new = state.replace(params=params, opt_state=opt_state)
        new = move_averages(move_target(new, ready, cfg), ema)
        witness = losses.sum() + metrics["reward"][0]
        norm = jnp.max(norms) * ready
        return finish_with_memory(state, new, episodes, replay, witness, norm, metrics)

    return step


def move_target(state: TrainState, ready: Array, cfg: DQNConfig) -> TrainState:
    """`state`, whose target has gone its part of the way where it is time to."""
    rate = cfg.target_rate * (ready & (state.step % cfg.target_every == 0))
    target = optax.incremental_update(state.params, state.extra["target"], rate)
    return state.replace(extra={"target": target})


def finish_with_memory(
    old: TrainState,
    new: TrainState,
    episodes: Episode,
    replay: Replay,
    witness: Array,
    norm: Array,
    metrics: Pairs,
) -> tuple[TrainState, Pairs]:
    """`finish_step` without a copy of the memory: of what did not count only the number of rows is
    taken back, so that it is overwritten unseen."""

    def small(state: TrainState, episodes: Episode, replay: Replay) -> TrainState:
        return state.replace(local={"episodes": episodes, "written": replay.written})

    before = small(old, old.local["episodes"], old.local["replay"])
    after, metrics = finish_step(before, small(new, episodes, replay), witness, norm, metrics)
    kept = replay.replace(written=after.local["written"])
    return after.replace(local={"episodes": after.local["episodes"], "replay": kept}), metrics


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
