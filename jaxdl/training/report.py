"""The end of a run: test numbers, curves.png, and what report.json is to say."""

import math
from pathlib import Path
from typing import Any

from jaxdl.config import to_table
from jaxdl.data.notes import say_notes
from jaxdl.data.run_example import save_run_example
from jaxdl.draw import draw_curves
from jaxdl.runs.checkpoint import params_sha256
from jaxdl.runs.environment import device_name, versions
from jaxdl.runs.lock import check_held
from jaxdl.runs.metrics_log import BESIDE_METRICS
from jaxdl.runs.results import Report
from jaxdl.training.loop import FitResult
from jaxdl.training.task import Task
from jaxdl.typing import Numbers, Tree


def report_fit(run_dir: Path, cfg: Any, task: Task, fit: FitResult) -> Report:
    """Evaluates the final state on the test split, draws, and returns what the run has measured.

    The metrics of the test split have `test_` before their names.
    """
    check_held(run_dir)
    metrics: Numbers = {}
    if task.evaluate is not None and "test" in task.splits:
        measured = task.measure(fit.state, task.splits["test"], run_dir)
        metrics |= {f"test_{name}": value for name, value in measured.items()}
    last = fit.rows[-1] if fit.rows else {}
    metrics |= {
        name if name.startswith("val_") else f"train_{name}": value
        for name, value in last.items()
        if name not in BESIDE_METRICS and not math.isnan(value)  # nothing was counted
    }
    report = {
        **report_head(cfg, synthetic=task.splits["train"].synthetic, devices=fit.devices),
        "metrics": metrics,
        "seconds": {name: round(value, 3) for name, value in fit.seconds.items()},
        "examples_per_second": fit.examples_per_second,
        "steps": fit.steps,
        "seed": fit.seed,
        "params_sha256": params_sha256(fit.state.params),
    }
    if fit.best_step is not None:
        report["best_step"] = fit.best_step
    notes = {role: split.notes for role, split in task.splits.items() if split.notes}
    if notes:
        say_notes(notes)  # a stream has met more by now
        report["notes"] = notes
    if fit.skipped:
        report["skipped_steps"] = fit.skipped
    report |= task.report()
    save_run_example(run_dir, task.splits["train"])
    draw_curves(fit.rows, curve_groups(fit.rows)).save(run_dir / "curves.png")
    return report


def report_numbers(
    cfg: Any,
    metrics: Numbers,
    seconds: Numbers,
    *,
    rows: int = 0,
    params: Tree = (),
    synthetic: str = "",
) -> Report:
    """What an experiment without a Task has measured.

    `seconds` has `total`; `rows` is how many examples went through, `params` what was learned,
    `synthetic` how the data was made, where it was.
    """
    return {
        **report_head(cfg, synthetic=synthetic),
        "metrics": metrics,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "examples_per_second": rows / seconds["total"],
        "steps": 0,
        **({"seed": cfg.seed} if hasattr(cfg, "seed") else {}),
        "params_sha256": params_sha256(params),
    }


def report_head(cfg: Any, *, synthetic: str = "", devices: int = 1) -> dict[str, Any]:
    """What was run, on what; `synthetic` says how the data was made, where it was."""
    made = {"synthetic": True, "data": synthetic} if synthetic else {}
    return {
        "config": to_table(cfg),
        **made,
        "device": device_name(),
        "devices": devices,
        "versions": versions(),
    }


def curve_groups(rows: list[Numbers]) -> dict[str, list[str]]:
    """Panels of the curves: a metric with its `val_` twin; a deviation (`_std`) is its band."""
    names: list[str] = []
    for row in rows:
        names += [name for name in row if name not in names]
    base = [n.removeprefix("val_") for n in names if n not in ("step", "seconds", "skipped")]
    bands = {f"{name}_std" for name in base}
    groups = dict.fromkeys(n for n in base if n != "examples_per_second" and n not in bands)
    return {name: [n for n in (name, f"val_{name}") if n in names] for name in groups}
