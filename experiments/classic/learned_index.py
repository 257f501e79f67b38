"""A model that says where a key lies among sorted keys: jaxdl run lognormal_learned_index."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxdl.checks import check_at_least, check_one_of
from jaxdl.classic.learned_index import LearnedIndex, bisect, fit_index, root_share
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

KINDS = ("lognormal", "uniform")


@dataclass(frozen=True)
class Config:
    """The keys, and the models of their places."""

    kind: str = "lognormal"
    """Of keys: lognormal (sigma 2, times 1e9, as in the paper), or uniform; whole numbers."""
    num_keys: int = 1_000_000
    """How many are drawn; of equal ones one stays."""
    queries: int = 200_000
    """Half of them keys, half of the same distribution."""
    lines: int = 10_000
    """Of the second stage."""
    hidden: int = 16
    """Sigmoids of the root."""
    steps: int = 500
    """Of Adam on the root."""
    seed: int = 0
    """Of keys and queries."""

    def __post_init__(self) -> None:
        check_one_of("kind", self.kind, KINDS)
        check_at_least("num_keys", self.num_keys, 100)
        check_at_least("queries", self.queries, 2)


def draw_keys(kind: str, count: int, rng: np.random.Generator) -> Host:
    """Whole numbers as float64, not sorted, `(count,)`; below 2^53, so all are exact."""
    if kind == "uniform":
        return np.floor(rng.random(count) * 1e12)
    return np.floor(rng.lognormal(0, 2, count) * 1e9)


def run(cfg: Config, run_dir: Path) -> Report:
    """Fits, searches, compares with binary search over all keys, draws and reports."""
    began = time.perf_counter()
    rng = np.random.default_rng(cfg.seed)
    keys = np.unique(draw_keys(cfg.kind, cfg.num_keys, rng))
    index = fit_index(keys, lines=cfg.lines, hidden=cfg.hidden, steps=cfg.steps)
    fitted = time.perf_counter() - began
    half = cfg.queries // 2
    queries = np.concatenate([rng.choice(keys, half), draw_keys(cfg.kind, half, rng)])
    numbers = measure(index, queries)
    draw_index(index, queries, cfg.kind).save(run_dir / "index.png")
    seconds = {"total": time.perf_counter() - began, "fit": fitted}
    about = f"synthetic {cfg.kind} keys, seed {cfg.seed}"
    return report_numbers(cfg, numbers, seconds, rows=len(queries), synthetic=about)


def measure(index: LearnedIndex, queries: Host) -> Numbers:
    """Whether all answers are right; comparisons and nanoseconds a query, beside binary search."""
    ends = np.zeros(len(queries), np.int64), np.full(len(queries), len(index.keys))
    whole, comparisons_of_all, seconds_of_all = timed(bisect, index.keys, queries, *ends)
    found, comparisons, seconds = timed(index.search, queries)
    low, high = index.windows(queries)
    return {
        "wrong": float((found != whole).sum()),
        "mean_window": float((high - low + 1).mean()),
        "largest_window": float((high - low + 1).max()),
        "comparisons": float(comparisons.mean()),
        "comparisons_of_binary_search": float(comparisons_of_all.mean()),
        "nanoseconds": 1e9 * seconds / len(queries),
        "nanoseconds_of_binary_search": 1e9 * seconds_of_all / len(queries),
        "model_kilobytes": index.model_bytes / 1024,
        "key_kilobytes": index.keys.nbytes / 1024,
    }


def timed(search, *args: Host) -> tuple[Host, Host, float]:
    """What `search` says, and the least seconds of three calls."""
    seconds = []
    found = comparisons = np.zeros(0)
    for _ in range(3):
        began = time.perf_counter()
        found, comparisons = search(*args)
        seconds.append(time.perf_counter() - began)
    return found, comparisons, min(seconds)


def draw_index(index: LearnedIndex, queries: Host, kind: str) -> Figure:
    """Left the root and the true places, right how large the windows are."""
    figure = Figure(1, 2, size=(9.5, 3.6))
    left, right = figure.axes
    some = np.linspace(0, len(index.keys) - 1, 500).astype(int)
    left.plot(index.keys[some], some / len(index.keys), label="keys below")
    left.plot(index.keys[some], root_share(index.root, index.keys[some], np), "--", label="root")
    left.set(xscale="log" if kind == "lognormal" else "linear", xlabel="key", ylabel="share")
    left.set_title(f"{len(index.keys):,} {kind} keys")
    left.legend(fontsize=8)
    low, high = index.windows(queries)
    bins = np.geomspace(1, max(2, (high - low + 1).max()), 40)
    right.hist(high - low + 1, bins=bins)
    right.set(xscale="log", xlabel="places to search", ylabel="queries")
    right.set_title(f"after one of {len(index.lines):,} lines")
    return figure


if __name__ == "__main__":
    main(__file__)
