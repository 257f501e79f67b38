"""report.json of a run; results.json, what runs have measured; RESULTS.md, the table of it."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.config import rename_flags, say_renamed
from jaxdl.old_names import CONFIGS, EXPERIMENTS, METRICS

KEPT = ("experiment", "metrics", "seconds", "examples_per_second", "steps", "seed", "device")
KEPT_ALSO = ("devices", "params_sha256", "versions", "command")
SHOWN = 10  # numbers of a result in a table
Results = dict[str, dict[str, Any]]
Report = dict[str, Any]  # "metrics": name -> number; "seconds": part -> seconds, "total" at least


def read_results(root: Path) -> Results:
    """Config name -> what it measured; empty where nothing was recorded."""
    path = root / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    return dict(_rename_result(name, entry, path) for name, entry in results.items())


def add_result(run_dir: Path, root: Path) -> str:
    """Puts the report of a run into results.json and RESULTS.md; returns the config's name."""
    path = run_dir / "report.json"
    if not path.is_file():
        raise UsageError(
            f"{run_dir}: no report.json; the run has not ended, or it is no run folder"
        )
    report = json.loads(path.read_text())
    name, report = _rename_result(report["name"], report, path)
    entry = {key: report[key] for key in (*KEPT, *KEPT_ALSO) if key in report}
    results = read_results(root) | {name: entry}
    ordered = {key: results[key] for key in sorted(results)}
    (root / "results.json").write_text(json.dumps(ordered, indent=1) + "\n")
    (root / "RESULTS.md").write_text(render(root))
    return name


def write_report(
    run_dir: Path, report: Report, *, name: str, experiment: str, command: Sequence[str]
) -> None:
    """Writes `report.json`: what a run of the config `name` measured; prints its test numbers."""
    head = {"name": name, "command": shlex.join(command), "experiment": experiment}
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "report.json").write_text(json.dumps({**head, **report}, indent=2) + "\n")
    shown = "  ".join(f"{k} {v:.4f}" for k, v in report["metrics"].items() if "test" in k)
    print(f"{shown or 'done'}  ({report['seconds']['total']:.1f} s)  {run_dir}")


def _rename_result(name: str, entry: dict[str, Any], path: Path) -> tuple[str, dict[str, Any]]:
    """A config's name and what was measured, under today's names; says on stderr what it renamed.

    The command is renamed with them, so that it can be run again.
    """
    experiment: str = entry.get("experiment", "")
    experiment = EXPERIMENTS.get(experiment, experiment)
    new = CONFIGS.get(name, name)
    metrics = {METRICS.get(key, key): value for key, value in entry["metrics"].items()}
    words = [CONFIGS.get(word, word) for word in shlex.split(entry["command"])]
    command = shlex.join(rename_flags(words, experiment, f"{path}: command of {new}"))
    changes = [f"{name} -> {new}"] if name != new else []
    changes += [f"{old} -> {METRICS[old]}" for old in entry["metrics"] if old in METRICS]
    if changes:
        say_renamed(str(path), changes)
    renamed = {"experiment": experiment, "metrics": metrics, "command": command}
    return new, {**entry, **renamed}


def headline(metrics: dict[str, float]) -> str:
    """The numbers of a result that a table shows: of the test split, else of all, the first ten."""
    shown = {k: v for k, v in metrics.items() if k.startswith("test_")} or metrics
    words = [f"{name} {value:.4g}" for name, value in shown.items()]
    return ", ".join([*words[:SHOWN], *(["..."] if len(words) > SHOWN else [])])


def render(root: Path) -> str:
    """RESULTS.md: one line a recorded config, with the command that gave it."""
    lines = [
        "# Results",
        "",
        "Made by `jaxdl results add RUN` from `results.json`; each row can be run again.",
        "",
        "| command | measured | steps | seconds (compile, train) | on |",
        "|---|---|---|---|---|",
    ]
    for entry in read_results(root).values():
        seconds = entry["seconds"]
        parts = ", ".join(f"{seconds[k]:.1f}" for k in ("compile", "train") if k in seconds)
        lines.append(
            f"| `{entry['command']}` | {headline(entry['metrics'])} | {entry.get('steps', '')} | "
            f"{seconds['total']:.1f} ({parts}) | {entry['devices']} x {entry['device']} |"
        )
    return "\n".join([*lines, ""])
