"""An agent by its name: network, step and the action that it is sure of."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_one_of
from jaxdl.data.splits.split import NoData, Split
from jaxdl.optim.config import OptimConfig, check_without
from jaxdl.optim.optimizer import make_optimizer, schedule_shape
from jaxdl.rl.agents.actor_critic import (
    A2CConfig,
    ActorCriticConfig,
    PPOConfig,
    make_actor_critic_step,
)
from jaxdl.rl.agents.dqn import DQNConfig, first_dqn, make_dqn_step
from jaxdl.rl.agents.learners import apply_each, first_learners
from jaxdl.rl.agents.memory import MemoryConfig
from jaxdl.rl.agents.networks import ActorCritic, QNetwork
from jaxdl.rl.agents.planner import PlannerConfig, first_planner, make_planner_step, planned
from jaxdl.rl.agents.reinforce import ReinforceConfig, make_reinforce_step
from jaxdl.rl.agents.world_model import WorldModel
from jaxdl.rl.environments.environment import Discrete, Environment
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step
from jaxdl.training.task import Draw, Evaluate, Task, as_it_is
from jaxdl.typing import Array, Key, Numbers, Tree

EPOCH = 1000  # steps that count as an epoch, where there is no data


@dataclass(frozen=True)
class AgentConfig:
    """Which agent; `choose` gives the class of its own options."""

    name: str = "ppo"
    """dqn, reinforce, a2c, ppo or planner."""

    @staticmethod
    def choose(name: str) -> type["AgentConfig"]:
        """The class of the agent `name`."""
        check_one_of("agent.name", name, AGENTS)
        return AGENTS[name]


@dataclass(frozen=True)
class DQN(DQNConfig, AgentConfig):
    """Deep Q-learning."""

    name: str = "dqn"


@dataclass(frozen=True)
class Reinforce(ReinforceConfig, AgentConfig):
    """Monte Carlo policy gradients."""

    name: str = "reinforce"


@dataclass(frozen=True)
class A2C(A2CConfig, AgentConfig):
    """Advantage actor-critic."""

    name: str = "a2c"


@dataclass(frozen=True)
class PPO(PPOConfig, AgentConfig):
    """Proximal policy optimization."""

    name: str = "ppo"


@dataclass(frozen=True)
class Planner(PlannerConfig, AgentConfig):
    """The cross-entropy method in a learned model."""

    name: str = "planner"


AGENTS: dict[str, type[AgentConfig]] = {k.name: k for k in (DQN, Reinforce, A2C, PPO, Planner)}


@dataclass(frozen=True)
class NetworkConfig:
    """The network of an agent; those of a policy and of its values are two of a kind."""

    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers."""
    act: str = "tanh"
    """Of policies; action values use relu, models of the environment silu."""


@dataclass(frozen=True)
class Agent:
    """`greedy(params, observations (N, S, ...)) -> actions (N, S)`: what it does when it is
    evaluated; `init(key, learners)` and `step` train it."""

    network: nn.Module
    greedy: Callable[[Tree, Array], Array]
    init: Callable[[Key, int], TrainState]
    step: Step
    updates: int
    environments: int


def make_agent(
    environment: Environment, cfg: AgentConfig, network: NetworkConfig, tx: Any, *, ema: float = 0.0
) -> Agent:
    """The agent of `cfg` in `environment`, under the optimizer `tx`; `ema`: see `move_averages`.

    Raises UsageError where it cannot act there.
    """
    if isinstance(cfg, DQN):
        return _make_dqn(environment, cfg, network, tx, ema)
    if isinstance(cfg, Planner):
        return _make_planner(environment, cfg, network, tx, ema)
    assert isinstance(cfg, ActorCriticConfig | ReinforceConfig), "all other agents have a policy"
    policy = ActorCritic(environment.actions, network.hidden, environment.scale, network.act)

    def greedy(params: Tree, observation: Array) -> Array:
        return apply_each(policy, params, observation)[0].mode()

    def init(key: Key, learners: int) -> TrainState:
        return first_learners(
            policy, tx, environment, key, count=cfg.environments, learners=learners
        )

    if isinstance(cfg, ActorCriticConfig):
        step = make_actor_critic_step(policy, tx, environment, cfg, ema=ema)
        return Agent(policy, greedy, init, step, cfg.updates, cfg.environments)
    step = make_reinforce_step(policy, tx, environment, cfg, ema=ema)
    return Agent(policy, greedy, init, step, 1, cfg.environments)


def _make_dqn(
    environment: Environment, cfg: DQN, network: NetworkConfig, tx: Any, ema: float
) -> Agent:
    if not isinstance(environment.actions, Discrete):
        raise UsageError(
            f"agent.name = dqn needs a few actions to choose from; {environment.name} takes real "
            "numbers: use ppo or a2c"
        )
    count = environment.actions.count
    module = QNetwork(count, network.hidden, environment.scale, cfg.dueling)

    def greedy(params: Tree, observation: Array) -> Array:
        return jnp.argmax(apply_each(module, params, observation), axis=-1).astype(jnp.int32)

    init = first_dqn(module, tx, environment, cfg)
    step = make_dqn_step(module, tx, environment, cfg, ema=ema)
    return Agent(module, greedy, init, step, cfg.updates, cfg.environments)


def _make_planner(
    environment: Environment, cfg: Planner, network: NetworkConfig, tx: Any, ema: float
) -> Agent:
    seen = jax.eval_shape(
        lambda key: environment.observe(environment.reset(key)), jax.random.key(0)
    )
    if seen.ndim != 1:
        raise UsageError(
            f"agent.name = planner models environments that show a list of numbers; "
            f"{environment.name} shows {seen.shape}: use dqn"
        )
    module = WorldModel(environment.actions, network.hidden, environment.scale)

    def greedy(params: Tree, observation: Array) -> Array:
        count, learners = observation.shape[:2]
        keys = learner_keys(jax.random.split(jax.random.key(0), count), learners)  # the same draws
        return planned(module, environment, cfg, params)(observation, keys)

    init = first_planner(module, tx, environment, cfg)
    step = make_planner_step(module, tx, environment, cfg, ema=ema)
    return Agent(module, greedy, init, step, cfg.updates, cfg.environments)


def updates_a_step(cfg: AgentConfig) -> int:
    """Updates of the network that one step of training makes."""
    return cfg.updates if isinstance(cfg, ActorCriticConfig | MemoryConfig) else 1


def agent_task(
    agent: Agent,
    environment: Environment,
    tx: Any,
    splits: dict[str, Split],
    optim: OptimConfig,
    *,
    loop: LoopConfig,
    learners: int,
    evaluate: Evaluate,
    draw: Draw,
) -> Task:
    """The task of `learners` agents in one program."""

    def suspect(numbers: Numbers) -> str:
        if math.isfinite(numbers["reward"]):
            return ""
        return f"environment {environment.name} gave a number that is not finite"

    def init(key: Key) -> TrainState:
        state = agent.init(key, learners)
        return state.start_averages() if optim.ema else state

    shape = schedule_shape(optim, agent.updates * total_steps(loop, EPOCH))
    return Task(
        splits=splits,
        init=init,
        prepare=as_it_is,
        step=agent.step,
        evaluate=evaluate,
        draw=draw,
        model=agent.network,
        tx=tx,
        suspect=suspect,
        rate=lambda step: float(optim.lr * shape(jnp.int32(step * agent.updates))),
    )


def agent_optimizer(optim: OptimConfig, cfg: AgentConfig, loop: LoopConfig) -> Any:
    """The optimizer of a run: its schedule counts updates, of which a step may make several.

    Raises UsageError for what no agent does.
    """
    check_without(optim, "accumulate_steps", "swa", "line_search", who="agents")
    return make_optimizer(optim, updates_a_step(cfg) * total_steps(loop, EPOCH))


def episode_splits(environments: int, val: int, test: int) -> dict[str, Split]:
    """Steps without data, and how many episodes an evaluation plays."""
    return {
        "train": NoData(EPOCH, environments),
        "val": NoData(val),
        "test": NoData(test),
    }
