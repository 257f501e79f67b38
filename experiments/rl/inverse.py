"""What an agent wants, from what it does: jaxdl run gridworld_inverse."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxdl.checks import check_at_least, check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.rl.environments.grid_worlds import Grid
from jaxdl.rl.environments.registry import GRIDS
from jaxdl.rl.tabular.drawing import draw_values
from jaxdl.rl.tabular.inverse import (
    Inverse,
    arrival_reward,
    demonstrate,
    expected_arrivals,
    invert,
    solve_softly,
)
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers


@dataclass(frozen=True)
class Config:
    """A grid, an expert of maximal entropy on it, and how its reward is looked for."""

    world: str = "gridworld"
    """gridworld or frozenlake."""
    sharpness: float = 3.0
    """What the world's reward is multiplied by, for an expert that errs less."""
    horizon: int = 20
    """Steps of an episode, at most."""
    demonstrations: tuple[int, ...] = (10, 100, 1000, 10_000)
    """Episodes of the expert; a reward is found for each number."""
    penalty: float = 1e-3
    """Of the square of the reward, halved."""
    seeds: int = 5
    """Sets of demonstrations of each size."""
    seed: int = 0
    """Of the first of them."""

    def __post_init__(self) -> None:
        check_one_of("world", self.world, GRIDS)
        for name in ("horizon", "seeds"):
            check_at_least(name, getattr(self, name), 1)
        check_positive("sharpness", self.sharpness)


def run(cfg: Config, run_dir: Path) -> Report:
    """Finds rewards, measures the policies that are best by them, and draws `rewards.png`."""
    began = time.perf_counter()
    world = GRIDS[cfg.world]()
    true = cfg.sharpness * arrival_reward(world.mdp)
    expert = solve_softly(world.mdp, true, horizon=cfg.horizon).policy
    found = {}
    for count in cfg.demonstrations:
        seen = [
            demonstrate(world.mdp, expert, episodes=count, seed=cfg.seed + i)
            for i in range(cfg.seeds)
        ]
        found[count] = [
            invert(world.mdp, one, horizon=cfg.horizon, penalty=cfg.penalty) for one in seen
        ]
    gaps = {n: return_gaps(world, true, each, cfg.horizon) for n, each in found.items()}
    most = cfg.demonstrations[-1]
    arrivals = expected_arrivals(world.mdp, expert, world.mdp.start)
    metrics: Numbers = {
        "return_gap": float(gaps[most].mean()),
        "return_gap_std": float(gaps[most].std(ddof=1)) if cfg.seeds > 1 else 0.0,
        "arrival_error": float(
            np.mean([np.abs(each.arrivals - arrivals).max() for each in found[most]])
        ),
        **{f"return_gap_{n}": float(gap.mean()) for n, gap in gaps.items()},
    }
    draw(world, true, expert, found[most][0], gaps, cfg).save(run_dir / "rewards.png")
    seconds = {"total": time.perf_counter() - began}
    rows = sum(cfg.demonstrations) * cfg.seeds
    return report_numbers(cfg, metrics, seconds, rows=rows, params=found[most][0].reward)


def return_gaps(world: Grid, true: Host, found: list[Inverse], horizon: int) -> Host:
    """What an episode loses, in the expert's reward, of each policy that is softly best by a found
    one, against the expert: `(seeds,)`."""
    mdp = world.mdp

    def mean_return(reward: Host) -> float:
        policy = solve_softly(mdp, reward, horizon=horizon).policy
        return float(expected_arrivals(mdp, policy, mdp.start) @ true)

    return mean_return(true) - np.array([mean_return(each.reward) for each in found])


def draw(
    world: Grid, true: Host, expert: Host, found: Inverse, gaps: dict[int, Host], cfg: Config
) -> Figure:
    """The expert's reward and moves, the found ones, and the gap over demonstrations."""
    learned = solve_softly(world.mdp, found.reward, horizon=cfg.horizon).policy
    figure = Figure(1, 3, size=(11, 3.6))
    draw_values(figure.axes[0], world, true, expert[0], title="reward of arriving, the expert")
    title = f"found from {cfg.demonstrations[-1]:,} episodes"
    draw_values(figure.axes[1], world, found.reward, learned[0], title=title)
    for axis, rewards in zip(figure.axes, (true, found.reward), strict=False):
        for state in np.flatnonzero(world.mdp.terminal):  # arriving at an end gives something, too
            row, column = divmod(int(state), world.shape[1])
            axis.text(column, row, f"{rewards[state]:.2g}", fontsize=7, ha="center")
    counts = np.array(list(gaps))
    mean = np.array([gap.mean() for gap in gaps.values()])
    deviation = np.array([gap.std() for gap in gaps.values()])
    axis = figure.axes[2]
    axis.plot(counts, mean, marker=".")
    axis.fill_between(counts, mean - deviation, mean + deviation, alpha=0.2)
    axis.set(xscale="log", xlabel="demonstrated episodes", title="what the found policy loses")
    axis.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main(__file__)
