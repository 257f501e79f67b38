"""An agent that does as another one did: jaxdl run cartpole_cloning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError, check_at_least
from jaxdl.cli import main
from jaxdl.data.splits.split import NoData, Split
from jaxdl.draw import Figure
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.agent import EPOCH
from jaxdl.rl.agents.cloning import Shown, demonstrations, make_cloning_step
from jaxdl.rl.agents.learners import first_learners
from jaxdl.rl.agents.networks import ActorCritic
from jaxdl.rl.evaluation import AgentEvaluator, gymnasium_returns, spread
from jaxdl.rl.task import LearnersConfig, learners_task
from jaxdl.runs.results import Report
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.report import report_fit
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, as_it_is
from jaxdl.typing import Host, Key, Numbers, Tree


@dataclass(frozen=True)
class CloneConfig:
    """What the clones are shown, and how they learn it."""

    shown: tuple[int, ...] = (1000, 300, 100, 30, 10)
    """Steps of the expert that a clone sees, the most first; `seeds` clones see each number."""
    steps: int = 1000
    """Updates of each."""
    batch: int = 64
    """Of the steps, in an update."""
    optim: OptimConfig = Adam()

    def __post_init__(self) -> None:
        if not self.shown or list(self.shown) != sorted(self.shown, reverse=True):
            raise UsageError(f"clone.shown must name numbers, the largest first; got {self.shown}")
        for name in ("steps", "batch"):
            check_at_least(f"clone.{name}", getattr(self, name), 1)


@dataclass(frozen=True)
class Config(LearnersConfig):
    """The expert, which learns as in `rl.agent`, and its clones."""

    clone: CloneConfig = CloneConfig()


class CloneEvaluator(AgentEvaluator):
    """`evaluate(state, split, folder)`: returns of those that saw most, and of each number."""

    def __init__(self, expert: AgentEvaluator, splits: dict[str, Split], cfg: Config, best: float):
        super().__init__(expert.environment, expert.greedy, splits)
        self.cfg, self.best = cfg, best

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """See `spread`; `return_N` of those that saw N steps."""
        groups = self.groups(rows["returns"])
        means = {f"return_{n}": float(group.mean()) for n, group in groups.items()}
        return {**spread(groups[self.cfg.clone.shown[0]]), **means, "expert_return": self.best}

    def groups(self, returns: Host) -> dict[int, Host]:
        """Steps that were seen -> returns `(E, seeds)`."""
        parts = np.split(returns, len(self.cfg.clone.shown), axis=1)
        return dict(zip(self.cfg.clone.shown, parts, strict=True))

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The episode, and `cloning.png`: the return over what was seen, with a band."""
        self.draw(state, split, folder)
        groups = {n: group.mean(axis=0) for n, group in self.groups(rows["returns"]).items()}
        mean = np.array([group.mean() for group in groups.values()])
        deviation = np.array([group.std() for group in groups.values()])
        figure = Figure(size=(5, 3.4))
        (axis,) = figure.axes
        axis.plot(list(groups), mean, marker=".", label=f"{self.cfg.seeds} clones")
        axis.fill_between(list(groups), mean - deviation, mean + deviation, alpha=0.2)
        axis.axhline(self.best, color="gray", linestyle="--", label="the expert")
        axis.set(xscale="log", xlabel="steps of the expert that were seen", ylabel="return")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        figure.save(folder / "cloning.png")


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Trains the expert (in `run_dir`/expert), then its clones, and reports of these."""
    task, expert = learners_task(cfg)
    taught = fit(task, cfg.loop, run_dir / "expert", seed=cfg.seed, resume=resume)
    best = task.measure(taught.state, task.splits["test"])["return"]
    loop = LoopConfig(steps=cfg.clone.steps, devices=cfg.loop.devices)
    clones, evaluate = cloning_task(cfg, expert, taught.state, best)
    done = fit(clones, loop, run_dir, seed=cfg.seed, resume=resume)
    done.seconds = {name: done.seconds[name] + taught.seconds[name] for name in done.seconds}
    report = report_fit(run_dir, cfg, clones, done)
    if cfg.gymnasium_episodes:
        returns = gymnasium_returns(
            evaluate.environment, evaluate.greedy, done.state, episodes=cfg.gymnasium_episodes
        )
        most = evaluate.groups(returns)[cfg.clone.shown[0]]
        report["metrics"]["gymnasium_return"] = float(most.mean())
    return report


def cloning_task(
    cfg: Config, expert: AgentEvaluator, taught: TrainState, best: float
) -> tuple[Task, CloneEvaluator]:
    """Clones of the first learner of `taught`, whose return is `best`, and what plays them."""
    environment, sizes = expert.environment, cfg.clone.shown
    network = ActorCritic(
        environment.actions, cfg.network.hidden, environment.scale, cfg.network.act
    )
    tx = make_optimizer(cfg.clone.optim, cfg.clone.steps)
    counts = tuple(n for n in sizes for _ in range(cfg.seeds))
    shown = show_each(expert, taught.variables["params"], cfg, len(counts))

    def init(key: Key) -> TrainState:
        state = first_learners(network, tx, environment, key, count=1, learners=len(counts))
        return state.replace(local={})

    splits: dict[str, Split] = {
        "train": NoData(EPOCH, cfg.clone.batch),
        "val": NoData(cfg.val_episodes),
        "test": NoData(cfg.test_episodes),
    }
    evaluate = CloneEvaluator(expert, splits, cfg, best)
    step = make_cloning_step(network, tx, shown, counts, batch=cfg.clone.batch)
    task = Task(splits, init, as_it_is, step, evaluate, evaluate.draw, model=network, tx=tx)
    return task, evaluate


def show_each(expert: AgentEvaluator, params: Tree, cfg: Config, learners: int) -> Shown:
    """What each clone may see, of games of its own: `(S, P, ...)`."""
    keys = jax.random.split(jax.random.key(cfg.seed), learners)
    record = jax.vmap(
        lambda key: demonstrations(
            expert.environment, expert.greedy, params, key, count=cfg.clone.shown[0]
        )
    )
    return jax.device_get(jax.jit(record)(keys))


if __name__ == "__main__":
    main(__file__)
