"""Agents that learn from a memory of transitions: its start, and the step that they share."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.checks import check_at_least, check_fraction
from jaxdl.metrics.accumulate import total
from jaxdl.rl.agents.learners import Choose, environment_keys, rollout, seen_metrics
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import Episode, Transition, advance, random_action
from jaxdl.rl.replay import Experience, Replay, empty_replay, experience, sample, write
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, device_key, finish_step
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Tree

# (state, parameters, optimizer's state, rows of one learner; what `extra` holds of it)
# -> (parameters, optimizer's state, loss, norm of the gradient)
Update = Callable[[TrainState, Tree, Tree, Tree, Experience], tuple[Tree, Tree, Array, Array]]


@dataclass(frozen=True)
class MemoryConfig:
    """What they share; steps are those of training."""

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

    def __post_init__(self) -> None:
        check_fraction("agent.discount", self.discount)
        for name in ("environments", "block", "updates", "batch"):
            check_at_least(f"agent.{name}", getattr(self, name), 1)


def with_memory(
    state: TrainState, environment: Environment, key: Key, cfg: MemoryConfig
) -> TrainState:
    """`state` with an empty memory for what its environments give."""
    episodes = state.local["episodes"]

    def one(episode: Tree) -> Transition:
        return advance(environment, key, episode, random_action(environment, key))[1]

    example = jax.vmap(jax.vmap(one))(episodes)
    replay = empty_replay(experience(example), cfg.replay, block=cfg.block)
    return state.replace(local={"episodes": episodes, "replay": replay})


def make_memory_step(
    environment: Environment,
    cfg: MemoryConfig,
    chooser: Callable[[TrainState], Choose],
    update: Update,
    after: Callable[[TrainState, Array], TrainState],
    *,
    axis_name: str | None = AXIS,
) -> Step:
    """`block` steps in all environments as `chooser(state)` acts, then `updates` of the networks;
    `after(state, whether they counted)` ends a step.

    Each device samples `batch` of its own environments' memory, over the number of devices.
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        keys = environment_keys(key, state.local["episodes"], axis_name)
        episodes, seen = rollout(
            environment, chooser(state), state.local["episodes"], keys, steps=cfg.block
        )
        replay = write(state.local["replay"], experience(seen))

        def learn(carry: tuple, key: Key) -> tuple:
            rows = sample(replay, key, share, block=cfg.block)
            params, opt_state, loss, norm = jax.vmap(lambda *parts: update(state, *parts))(
                *carry, state.extra, rows
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
        new = after(state.replace(params=params, opt_state=opt_state), ready)
        witness = losses.sum() + metrics["reward"][0]
        norm = jnp.max(norms) * ready
        return _finish(state, new, episodes, replay, witness, norm, metrics)

    return step


def _finish(
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
