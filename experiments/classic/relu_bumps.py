"""A curve as a sum of bumps of three ReLUs: jaxdl run curve_relu_bumps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_at_least, check_one_of
from jaxdl.classic.relu_bumps import sum_of_bumps
from jaxdl.classic.two_layer import two_layer_scores
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host

CURVES: dict[str, Callable[[Host], Host]] = {  # of [0, 1]
    "waves": lambda x: np.sin(2 * np.pi * x) + 0.5 * np.sin(6 * np.pi * x),
    "step": lambda x: (x > 0.5).astype(np.float64),
}


@dataclass(frozen=True)
class Config:
    """What is approximated, by how many bumps."""

    curve: str = "waves"
    """waves, or a step, which straight pieces never reach at its jump."""
    counts: tuple[int, ...] = (5, 10, 20, 40, 80)
    """Numbers of bumps."""
    points: int = 2000
    """Where it is looked at."""

    def __post_init__(self) -> None:
        check_one_of("curve", self.curve, CURVES)
        check_at_least("points", self.points, 2)
        if not self.counts or min(self.counts) < 2:
            raise UsageError(f"counts must be 2 or more, got {self.counts}")


def run(cfg: Config, run_dir: Path) -> Report:
    """Builds the network for every count, draws it, and reports the largest errors."""
    began = time.perf_counter()
    x = np.linspace(0, 1, cfg.points)
    truth = CURVES[cfg.curve](x)
    made = {count: approximate(cfg.curve, count, x) for count in cfg.counts}
    errors = {count: float(np.abs(y - truth).max()) for count, y in made.items()}
    draw(cfg, x, truth, made, errors).save(run_dir / "bumps.png")
    metrics = {f"largest_error_{count}": error for count, error in errors.items()}
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=cfg.points * len(cfg.counts))


def approximate(curve: str, count: int, x: Host) -> Host:
    """The network of `count` bumps at `x` `(N,)`."""
    knots = np.linspace(0, 1, count)
    net = sum_of_bumps(jnp.float32(knots), jnp.float32(CURVES[curve](knots)))
    return np.asarray(two_layer_scores(net, jnp.float32(x)[:, None]))[:, 0]


def draw(
    cfg: Config, x: Host, truth: Host, made: dict[int, Host], errors: dict[int, float]
) -> Figure:
    """The curve and its sums; the bumps of one; the error over their number."""
    figure = Figure(1, 3, size=(12, 3.5))
    left, middle, right = figure.axes
    left.plot(x, truth, "k", linewidth=2, label=cfg.curve)
    for count, y in made.items():
        left.plot(x, y, linewidth=1, label=f"{count} bumps")
    left.legend(fontsize=6)
    few = sorted(cfg.counts)[:2][-1]
    knots = np.linspace(0, 1, few)
    for i, value in enumerate(CURVES[cfg.curve](knots)):
        net = sum_of_bumps(jnp.float32(knots), jnp.float32(value * (np.arange(few) == i)))
        middle.plot(x, two_layer_scores(net, jnp.float32(x)[:, None]))
    middle.set_title(f"{few} bumps, each of three ReLUs", fontsize=9)
    right.loglog(list(errors), list(errors.values()), "o-")
    right.set(xlabel="bumps", title="largest error")
    right.title.set_fontsize(9)
    right.set_xticks(cfg.counts, [str(count) for count in cfg.counts])
    right.minorticks_off()
    right.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main(__file__)
