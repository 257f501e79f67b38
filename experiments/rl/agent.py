"""Agents that learn in an environment, several learners at once: jaxdl run cartpole_ppo, ..."""

from dataclasses import dataclass
from pathlib import Path

from jaxdl.cli import main
from jaxdl.rl.evaluation import gymnasium_returns, random_return
from jaxdl.rl.task import LearnersConfig, learners_task
from jaxdl.runs.results import Report
from jaxdl.training.loop import fit
from jaxdl.training.report import report_fit
from jaxdl.training.task import Task

RANDOM = 200  # episodes of random actions


@dataclass(frozen=True)
class Config(LearnersConfig):
    """An environment, an agent, and how it learns."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return learners_task(cfg)[0]


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Trains and reports, with the returns in Gymnasium where they are asked for."""
    task, evaluate = learners_task(cfg)
    fitted = fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    report = report_fit(run_dir, cfg, task, fitted)
    report["metrics"]["random_return"] = random_return(evaluate.environment, episodes=RANDOM)
    if cfg.gymnasium_episodes:
        returns = gymnasium_returns(
            evaluate.environment, evaluate.greedy, fitted.state, episodes=cfg.gymnasium_episodes
        )
        report["metrics"]["gymnasium_return"] = float(returns.mean())
    return report


if __name__ == "__main__":
    main(__file__)
