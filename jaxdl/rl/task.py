"""What a run of agents is: environment, agent, learners and evaluation, from a config."""

from dataclasses import dataclass

from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.rl.agents.agent import (
    PPO,
    AgentConfig,
    NetworkConfig,
    agent_optimizer,
    agent_task,
    episode_splits,
    make_agent,
)
from jaxdl.rl.environments.registry import EnvironmentConfig, make_environment
from jaxdl.rl.evaluation import AgentEvaluator, gymnasium_for
from jaxdl.training.plan import LoopConfig
from jaxdl.training.task import Task


@dataclass(frozen=True)
class LearnersConfig:
    """An environment, an agent, and how it learns."""

    env: EnvironmentConfig = EnvironmentConfig()
    agent: AgentConfig = PPO()
    network: NetworkConfig = NetworkConfig()
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=1)
    seeds: int = 5
    """Learners that are trained side by side, each from a start of its own."""
    val_episodes: int = 20
    """Episodes of each learner in an evaluation on the way."""
    test_episodes: int = 100
    """Episodes of each learner at the end."""
    gymnasium_episodes: int = 0
    """Episodes of each learner in Gymnasium's environment, at the end."""
    seed: int = 0
    """Of weights, environments and actions."""


def learners_task(cfg: LearnersConfig) -> tuple[Task, AgentEvaluator]:
    """The task, and what plays its episodes."""
    environment = make_environment(cfg.env)
    if cfg.gymnasium_episodes:
        gymnasium_for(environment)
    tx = agent_optimizer(cfg.optim, cfg.agent, cfg.loop)
    agent = make_agent(environment, cfg.agent, cfg.network, tx, ema=cfg.optim.ema)
    splits = episode_splits(agent.environments, cfg.val_episodes, cfg.test_episodes)
    evaluate = AgentEvaluator(environment, agent.greedy, splits)
    task = agent_task(
        agent,
        environment,
        tx,
        splits,
        cfg.optim,
        loop=cfg.loop,
        learners=cfg.seeds,
        evaluate=evaluate,
        draw=evaluate.draw,
    )
    return task, evaluate
