"""Planning in a learned model of the environment, as one step (model predictive control)."""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax
import optax

from jaxdl.rl.agents.cross_entropy import SearchConfig, search
from jaxdl.rl.agents.learners import Choose, at_random, first_learners
from jaxdl.rl.agents.memory import MemoryConfig, make_memory_step, with_memory
from jaxdl.rl.agents.world_model import model_loss, plan_values
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import random_action
from jaxdl.rl.replay import Experience
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, apply_gradients, average, move_averages
from jaxdl.typing import AXIS, Array, Key, Tree


@dataclass(frozen=True)
class PlannerConfig(MemoryConfig):
    """How a model is learned and used; in the warmup actions are random."""

    discount: float = 1.0
    """Of rewards in a plan."""
    environments: int = 4
    """Environments of each learner."""
    updates: int = 4
    """Updates a step."""
    search: SearchConfig = SearchConfig()
    """Of plans."""


def first_planner(
    network: nn.Module,
    tx: optax.GradientTransformation,
    environment: Environment,
    cfg: PlannerConfig,
) -> Callable[[Key, int], TrainState]:
    """`init(key, learners)`: an empty memory."""

    def init(key: Key, learners: int) -> TrainState:
        action = random_action(environment, key)[None]
        state = first_learners(
            network,
            tx,
            environment,
            key,
            count=cfg.environments,
            learners=learners,
            beside=(action,),
        )
        return with_memory(state, environment, key, cfg)

    return init


def planned(
    network: nn.Module, environment: Environment, cfg: PlannerConfig, params: Tree
) -> Choose:
    """The first action of the best plan found: (observations `(N, S, ...)`, keys `(N, S)`)."""

    def one(params: Tree, observation: Array, key: Key) -> Array:
        def value(plans: Array) -> Array:
            return plan_values(network, params, observation, plans, discount=cfg.discount)

        return search(value, environment.actions, key, cfg.search)[0]

    each = jax.vmap(jax.vmap(one, (None, 0, 0)), (0, 1, 1), 1)
    return lambda observation, keys: each(params, observation, keys)


def make_planner_step(
    network: nn.Module,
    tx: optax.GradientTransformation,
    environment: Environment,
    cfg: PlannerConfig,
    *,
    ema: float = 0.0,
    axis_name: str | None = AXIS,
) -> Step:
    """Acts by plans, learns the model from all that was seen (the loop of Chua et al. 2018, arXiv
    1805.12114, with one deterministic network); `ema`: see `move_averages`."""

    def chooser(state: TrainState) -> Choose:
        plan = planned(network, environment, cfg, state.params)

        return lambda observation, keys: jax.lax.cond(
            state.step < cfg.warmup, at_random(environment), plan, observation, keys
        )

    def after(state: TrainState, ready: Array) -> TrainState:
        return move_averages(state, ema)

    update = make_model_update(network, tx, axis_name)
    return make_memory_step(environment, cfg, chooser, update, after, axis_name=axis_name)


def make_model_update(
    network: nn.Module, tx: optax.GradientTransformation, axis_name: str | None
) -> Callable[..., tuple[Tree, Tree, Array, Array]]:
    """An update of one learner's model, see `memory.Update`."""

    def update(
        state: TrainState, params: Tree, opt_state: Tree, extra: Tree, rows: Experience
    ) -> tuple[Tree, Tree, Array, Array]:
        loss, grads = jax.value_and_grad(lambda p: model_loss(network, p, rows))(params)
        loss, grads = average((loss, grads), axis_name)
        one = TrainState(state.step, params, opt_state, state.key, hyper=state.hyper)
        new = apply_gradients(tx, one, grads)
        return new.params, new.opt_state, loss, optax.tree.norm(grads)

    return update
