"""One config under several seeds, by one compiled program: means and how far they spread."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DivergedError, UsageError
from jaxdl.data.run_example import save_run_example
from jaxdl.models.summary.overview import overview_of
from jaxdl.runs.environment import write_environment
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import say
from jaxdl.search.execution import choose_execution
from jaxdl.search.paused import PausedTrials
from jaxdl.search.trial_log import TrialRecord
from jaxdl.search.trials import Execution, Trial, TrialResult, TrialRunner
from jaxdl.training.report import report_head
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers


def run_seeds(build: Callable[[Any], Task], cfg: Any, count: int, run_dir: Path) -> Report:
    """Trains `cfg` under `count` seeds from its own on, and reports their test numbers.

    The seed is that of the weights, augmentation and dropout; the order of rows, `data.seed`, is
    one for all. Seeds that had ended in `run_dir` are not trained again. Raises DivergedError where
    one diverged.
    """
    began = time.perf_counter()
    if count < 2:
        raise UsageError(f"--seeds must be at least 2, got {count}")
    if not hasattr(cfg, "seed"):
        raise UsageError("--seeds: the experiment of this config has no seed to vary")
    task = build(cfg)
    if task.evaluate is None or "test" not in task.splits:
        raise UsageError("--seeds: this experiment has no test split to measure on")
    record = TrialRecord(run_dir, 1, say)
    write_environment(run_dir)
    settings = [{"seed": str(cfg.seed + i)} for i in range(count)]
    say(overview_of(run_dir, task.splits, task.init))
    trained = sum(not record.has(setting, 0) for setting in settings)
    trials = TrialRunner(task, cfg.loop, paused=PausedTrials(run_dir / "paused", say))
    way = train_seeds(task, trials, settings, record)
    rows = [record.row(i, setting) for i, setting in enumerate(settings)]
    bad = [row for row in rows if row.bad_step is not None]
    if bad:
        raise DivergedError(
            f"seed {bad[0].setting['seed']} diverged at step {bad[0].bad_step}; lower optim.lr or "
            "set optim.clip_norm"
        )
    seconds = time.perf_counter() - began
    examples = trained * trials.steps * task.splits["train"].batch_size
    save_run_example(run_dir, task.splits["train"])
    return {
        **report_head(cfg, synthetic=task.splits["train"].synthetic),
        "metrics": spread([row.numbers for row in rows]),
        "seeds": {row.setting["seed"]: row.numbers for row in rows},
        "seconds": {"total": round(seconds, 3), "compile": round(trials.compile_seconds, 3)},
        "examples_per_second": round(examples / seconds, 1),
        "steps": trials.steps,
        "seed": cfg.seed,
        "way": str(way),
    }


def train_seeds(
    task: Task, trials: TrialRunner, settings: list[dict[str, str]], record: TrialRecord
) -> Execution:
    """Trains the seeds that have not ended and records how each does; returns how they are run."""
    ended = [i for i, setting in enumerate(settings) if record.has(setting, 0)]
    way = choose_execution(trials, len(settings))
    say(f"{len(settings) - len(ended)} seeds of {trials.steps} steps, {way}")
    record.expect(len(settings) - len(ended))

    def done(i: int, outcome: TrialResult) -> None:
        record.add(settings[i], 0, outcome)

    own = [Trial(seed=int(setting["seed"])) for setting in settings]
    trials.run(way, own, partial(_test, task), done, ended=ended)
    return way


def spread(rows: list[Numbers]) -> Numbers:
    """Mean of every number and, of the test numbers, deviation (over n - 1), least and largest."""
    metrics: Numbers = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], np.float64)
        metrics[name] = float(values.mean())
        if name.startswith("test_"):
            metrics[f"{name}_std"] = float(values.std(ddof=1))
            metrics[f"{name}_min"] = float(values.min())
            metrics[f"{name}_max"] = float(values.max())
    return metrics


def _test(task: Task, trial: Trial, state: TrainState) -> Numbers:
    numbers = task.measure(state, task.splits["test"])
    return {f"test_{name}": value for name, value in numbers.items()}
