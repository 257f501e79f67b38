"""A world of a few states, solved and learned: jaxdl run gridworld_tabular."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.rl.environments.grid_worlds import Grid
from jaxdl.rl.environments.registry import GRIDS
from jaxdl.rl.tabular.drawing import draw_values
from jaxdl.rl.tabular.dynamic_programming import (
    Solution,
    action_values,
    evaluate_policy,
    greedy,
    policy_iteration,
    value_iteration,
)
from jaxdl.rl.tabular.learning import RULES, Learned, TabularConfig, learn_table
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

WINDOW = 50  # parts of a learning curve


@dataclass(frozen=True)
class Config:
    """A grid, and how its values are learned."""

    world: str = "gridworld"
    """gridworld, frozenlake or cliffwalking."""
    tabular: TabularConfig = TabularConfig()
    rules: tuple[str, ...] = RULES
    """Of monte_carlo, sarsa and q_learning, those that learn."""
    seeds: int = 5
    """Learners of each rule, in one program."""
    seed: int = 0
    """Of the first of them."""

    def __post_init__(self) -> None:
        check_one_of("world", self.world, GRIDS)
        for rule in self.rules:
            check_one_of("rules", rule, RULES)


def run(cfg: Config, run_dir: Path) -> Report:
    """Solves, learns and draws `values.png` and `learning.png`."""
    began = time.perf_counter()
    world, discount = GRIDS[cfg.world](), cfg.tabular.discount
    solved = value_iteration(world.mdp, discount=discount)
    exact = policy_iteration(world.mdp, discount=discount)
    keys = jax.random.split(jax.random.key(cfg.seed), cfg.seeds)
    learned = {
        rule: jax.device_get(
            jax.jit(jax.vmap(partial(learn_table, world, cfg.tabular, rule)))(keys)
        )
        for rule in cfg.rules
    }
    metrics: Numbers = {
        "value_error": float(np.abs(solved.values - exact.values).max()),
        "sweeps": float(len(solved.changes)),
        "policy_iterations": float(len(exact.changes)),
    }
    for rule, table in learned.items():
        metrics |= {f"{rule}_{k}": v for k, v in regrets(world, table, exact, discount).items()}
    draw_solutions(world, solved, learned, discount).save(run_dir / "values.png")
    draw_learning(solved, learned, cfg).save(run_dir / "learning.png")
    seconds = {"total": time.perf_counter() - began}
    rows = cfg.tabular.steps * cfg.seeds * len(cfg.rules)
    return report_numbers(
        cfg, metrics, seconds, rows=rows, params={k: v.q for k, v in learned.items()}
    )


def regrets(world: Grid, table: Learned, exact: Solution, discount: float) -> Numbers:
    """Means over learners: the largest error of a value, and what the greedy policy loses by the
    start, against the best."""
    alive = ~world.mdp.terminal
    errors, losses = [], []
    for q in np.asarray(table.q, np.float64):
        errors.append(np.abs(q.max(axis=1) - exact.values)[alive].max())
        policy = np.eye(q.shape[1])[q.argmax(axis=1)]
        value = evaluate_policy(world.mdp, policy, discount=min(discount, 0.999))
        losses.append(world.mdp.start @ (exact.values - value))
    return {"value_error": float(np.mean(errors)), "regret": float(np.mean(losses))}


def draw_solutions(
    world: Grid, solved: Solution, learned: dict[str, Learned], discount: float
) -> Figure:
    """Panels of values and arrows: the best, those of the uniform policy, each rule's mean."""
    uniform = np.full(solved.policy.shape, 1 / solved.policy.shape[1])
    values = evaluate_policy(world.mdp, uniform, discount=min(discount, 0.999))
    panels: list[tuple[str, Host, Host]] = [
        ("value iteration", solved.values, solved.policy),
        (
            "uniform policy, and the one greedy in its values",
            values,
            greedy(action_values(world.mdp, values, discount=discount)),
        ),
    ]
    for rule, table in learned.items():
        q = np.float64(table.q).mean(axis=0)
        panels.append((rule.replace("_", " "), q.max(axis=1), np.eye(q.shape[1])[q.argmax(axis=1)]))
    rows, columns = world.shape
    wide = max(3.0, 0.55 * columns)
    figure = Figure(1, len(panels), size=(wide * len(panels), wide * rows / columns + 0.8))
    for axis, (title, values, policy) in zip(figure.axes, panels, strict=True):
        draw_values(axis, world, values, policy, title=title)
    return figure


def draw_learning(solved: Solution, learned: dict[str, Learned], cfg: Config) -> Figure:
    """The change of values sweep by sweep; returns over steps with a band of one deviation."""
    figure = Figure(1, 2, size=(9, 3.5))
    left, right = figure.axes
    left.semilogy(np.arange(1, len(solved.changes) + 1), np.maximum(solved.changes, 1e-16))
    left.set(title="value iteration", xlabel="sweep", ylabel="largest change")
    for rule, table in learned.items():
        steps, mean, deviation = learning_curve(table)
        (line,) = right.plot(steps, mean, label=rule.replace("_", " "))
        right.fill_between(
            steps, mean - deviation, mean + deviation, color=line.get_color(), alpha=0.2
        )
    right.set(title=f"{cfg.seeds} learners", xlabel="step", ylabel="return of an episode")
    right.legend(fontsize=8)
    return figure


def learning_curve(table: Learned) -> tuple[Host, Host, Host]:
    """(steps, mean, deviation over learners) of the returns of episodes, in `WINDOW` parts."""
    count = table.returns.shape[1] // WINDOW * WINDOW
    parts = table.returns.shape[0], WINDOW, -1
    returns = np.asarray(table.returns)[:, :count].reshape(parts).sum(axis=2)
    ended = np.asarray(table.ended)[:, :count].reshape(parts).sum(axis=2)
    means = returns / np.maximum(ended, 1)
    steps = (np.arange(WINDOW) + 0.5) * count / WINDOW
    return steps, means.mean(axis=0), means.std(axis=0)


if __name__ == "__main__":
    main(__file__)
