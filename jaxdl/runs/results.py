"""results.json, what runs have measured, and RESULTS.md, the table that is made of it."""

import json
import shlex
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, unknown
from jaxdl.config import flatten, read_toml, rename_flags, say_renamed
from jaxdl.old_names import CONFIGS, EXPERIMENTS, METRICS

KEPT = ("experiment", "metrics", "seconds", "examples_per_second", "steps", "seed", "device")
KEPT_ALSO = ("devices", "params_sha256", "versions", "command")
SHOWN = 10  # numbers of a result in a table
Results = dict[str, dict[str, Any]]


def find_configs(root: Path) -> dict[str, Path]:
    """Name -> file of every config under `root/configs`."""
    return {path.stem: path for path in sorted((root / "configs").rglob("*.toml"))}


def find_config(name: str, root: Path) -> Path:
    """A config by its path, or by its name under `root/configs`; UsageError with near names."""
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(f"config {name}: there is no such file")
        return path
    configs = find_configs(root)
    if name in CONFIGS:
        say_renamed(f"config {name}", [CONFIGS[name]])
        name = CONFIGS[name]
    if name not in configs:
        raise unknown("config", name, configs, "`jaxdl list` shows them all.")
    return configs[name]


def read_results(root: Path) -> Results:
    """Config name -> what it measured; empty where nothing was recorded."""
    path = root / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    return dict(_rename_result(name, entry, path) for name, entry in results.items())


def list_rows(root: Path) -> list[dict[str, Any]]:
    """Every config with its experiment, data set and recorded metrics (None: not yet run)."""
    results = read_results(root)
    rows = []
    for name, path in find_configs(root).items():
        table = flatten(read_toml(path))
        recorded = results.get(name)
        rows.append(
            {
                "config": name,
                "experiment": table.get("experiment"),
                "data": table.get("data.name"),
                "metrics": recorded["metrics"] if recorded else None,
                "seconds": recorded["seconds"]["total"] if recorded else None,
                "device": recorded["device"] if recorded else None,
            }
        )
    return rows


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


def name_report(run_dir: Path, name: str, command: list[str]) -> None:
    """Writes into the report of a run which config it is of, and its command."""
    path = run_dir / "report.json"
    if path.exists():
        report = {"name": name, "command": shlex.join(command), **json.loads(path.read_text())}
        path.write_text(json.dumps(report, indent=2) + "\n")


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
    changes = [f"{old} -> {CONFIGS[old]}" for old in (name,) if old in CONFIGS]
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
