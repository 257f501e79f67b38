"""report.json of a run; results.json, what runs have measured; RESULTS.md, the table of it."""

import fcntl
import json
import math
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, unknown
from jaxdl.config import rename_flags, say_renamed
from jaxdl.old_names import CONFIGS, EXPERIMENTS, METRICS
from jaxdl.plain_file import read_json, write_whole
from jaxdl.runs.environment import when_and_where
from jaxdl.runs.lock import check_held
from jaxdl.runs.records import main_metric, number, spread, with_runs

KEPT = ("experiment", "metrics", "seconds", "examples_per_second", "steps", "seed", "device")
KEPT_ALSO = ("devices", "params_sha256", "versions", "command", "commit", "date", "machine")
SHOWN = 10  # numbers of a result in a table
Results = dict[str, dict[str, Any]]
Report = dict[str, Any]  # "metrics": name -> number; "seconds": part -> seconds, "total" at least


def read_results(root: Path) -> Results:
    """Config name -> what it measured; empty where nothing was recorded.

    Raises UsageError, naming the entry, where the file is damaged.
    """
    path = root / "results.json"
    if not path.exists():
        return {}
    results = _read(path)
    for name, entry in results.items():
        check_result(entry, f"{path}: {name!r}")
    return {
        new: {"headline": main_metric(entry["metrics"]), **entry}
        for new, entry in (_rename_result(name, entry, path) for name, entry in results.items())
    }


def read_report(run_dir: Path) -> Report:
    """The report of a run; raises UsageError where there is none, or it could not be shown."""
    path = run_dir / "report.json"
    if not path.is_file():
        raise UsageError(
            f"{run_dir}: no report.json; the run has not ended, or it is no run folder"
        )
    report = _read(path)
    check_result(report, str(path))
    return report


def add_result(
    run_dir: Path, root: Path, *, headline: str | None = None, published: str | None = None
) -> str:
    """Puts the report of a run into results.json and RESULTS.md; returns the config's name.

    Runs under other seeds stay beside it. `headline`: the metric that stands for the result;
    `published`: what others have measured, in words; both are kept until they are given anew.
    One process at a time; each file is replaced whole. Raises UsageError where either is damaged.
    """
    path, report = run_dir / "report.json", read_report(run_dir)
    _check_text(report.get("name"), f"{path}: name")
    name, report = _rename_result(report["name"], report, path)
    entry = {key: report[key] for key in (*KEPT, *KEPT_ALSO) if key in report}
    if headline is not None and headline not in report["metrics"]:
        raise unknown(f"{path}: --headline", headline, report["metrics"])
    told = {"headline": headline, "published": published}
    told = {key: value for key, value in told.items() if value is not None}
    with _alone(root):
        results = read_results(root)
        results[name] = with_runs(entry, report, results.get(name), told)
        ordered = {key: results[key] for key in sorted(results)}
        write_whole(root / "results.json", json.dumps(ordered, indent=1) + "\n")
        write_whole(root / "RESULTS.md", render(root))
    return name


def check_result(entry: Any, who: str) -> None:
    """Raises UsageError, naming the field, where a report could not be shown or run again."""
    if not isinstance(entry, dict):
        raise UsageError(f"{who}: must be a table, got {type(entry).__name__}")
    for field in ("experiment", "command", "device"):
        _check_text(entry.get(field), f"{who}: {field}")
    try:
        shlex.split(entry["command"])
    except ValueError as error:
        raise UsageError(f"{who}: command is no command line ({error})") from None
    for field in ("metrics", "seconds"):
        numbers = entry.get(field)
        if not isinstance(numbers, dict):
            raise UsageError(f"{who}: {field} must be a table of numbers, got {numbers!r:.80}")
        for name, value in numbers.items():
            _check_text(name, f"{who}: a name in {field}")
            is_metric = field == "metrics"
            _check_number(number(value) if is_metric else value, f"{who}: {field}.{name}", value)
    _check_number(entry["seconds"].get("total"), f"{who}: seconds.total")
    _check_number(entry.get("devices"), f"{who}: devices")
    _check_runs(entry, who)


def _check_runs(entry: dict[str, Any], who: str) -> None:
    """The fields that only a record has: its headline, and its numbers by seed."""
    if "headline" in entry and entry["headline"] not in ("", *entry["metrics"]):
        raise UsageError(f"{who}: headline must be one of its metrics, got {entry['headline']!r}")
    runs = entry.get("runs", {})
    if not isinstance(runs, dict) or not all(isinstance(one, dict) for one in runs.values()):
        raise UsageError(f"{who}: runs must be a table of numbers by seed, got {runs!r:.80}")
    for seed, numbers in runs.items():
        for name, value in numbers.items():
            _check_number(value, f"{who}: runs.{seed}.{name}")


def _check_text(value: Any, who: str) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise UsageError(f"{who} must be one line of text, got {value!r:.80}")


def _check_number(value: Any, who: str, written: Any = None) -> None:
    if not isinstance(value, int | float) or not math.isfinite(value):
        got = value if written is None else written
        raise UsageError(f"{who} must be a finite number, got {got!r:.80}")


def _read(path: Path) -> dict[str, Any]:
    try:
        table = read_json(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UsageError(f"{path}: not valid JSON ({error}); put an earlier one back") from None
    if not isinstance(table, dict):
        raise UsageError(f"{path}: must be a table, got {type(table).__name__}")
    return table


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One process at a time between reading results.json and replacing it."""
    with (root / "results.json.lock").open("a") as file:
        with suppress(OSError):  # no locks on this file system
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_report(
    run_dir: Path, report: Report, *, name: str, experiment: str, command: Sequence[str]
) -> None:
    """Writes `report.json`: what a run of the config `name` measured; prints its test numbers."""
    head = {"name": name, "command": shlex.join(command), "experiment": experiment}
    head |= when_and_where()
    check_held(run_dir)
    write_whole(run_dir / "report.json", json.dumps({**head, **report}, indent=2) + "\n")
    shown = "  ".join(f"{k} {v:.4f}" for k, v in report["metrics"].items() if "test" in k)
    _print(f"{shown or 'done'}  ({report['seconds']['total']:.1f} s)  {run_dir}")


def _print(line: str) -> None:
    """Prints, where the output takes it: a run whose report stands has not failed."""
    try:
        print(line, flush=True)
    except OSError as error:
        with suppress(OSError):
            print(f"warning: standard output: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes there


def _rename_result(name: str, entry: dict[str, Any], path: Path) -> tuple[str, dict[str, Any]]:
    """A config's name and what was measured, under today's names; says on stderr what it renamed.

    The command is renamed with them, so that it can be run again.
    """
    experiment: str = entry.get("experiment", "")
    experiment = EXPERIMENTS.get(experiment, experiment)
    new = CONFIGS.get(name, name)
    metrics = _rename_metrics(entry["metrics"])
    words = [CONFIGS.get(word, word) for word in shlex.split(entry["command"])]
    command = shlex.join(rename_flags(words, experiment, f"{path}: command of {new}"))
    changes = [f"{name} -> {new}"] if name != new else []
    changes += [f"{old} -> {METRICS[old]}" for old in entry["metrics"] if old in METRICS]
    if changes:
        say_renamed(str(path), changes)
    renamed: dict[str, Any] = {"experiment": experiment, "metrics": metrics, "command": command}
    if "headline" in entry:
        renamed["headline"] = METRICS.get(entry["headline"], entry["headline"])
    if "runs" in entry:
        renamed["runs"] = {seed: _rename_metrics(one) for seed, one in entry["runs"].items()}
    return new, {**entry, **renamed}


def _rename_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    return {METRICS.get(key, key): value for key, value in metrics.items()}


def in_words(metrics: dict[str, Any], first: str, known: dict[str, float]) -> str:
    """What a table shows of a result: its headline with the spread, then its other numbers.

    Of the test split, else of all, the first ten.
    """
    shown = {k: v for k, v in metrics.items() if k.startswith("test_")} or dict(metrics)
    words = [f"{name} {number(value):.4g}" for name, value in shown.items() if name != first]
    if first:
        seeds = f" +- {known['std']:.2g} (n = {known['n']})" if "std" in known else ""
        words.insert(0, f"{first} {known['mean'] if seeds else number(metrics[first]):.4g}{seeds}")
    return ", ".join([*words[:SHOWN], *(["..."] if len(words) > SHOWN else [])])


def render(root: Path) -> str:
    """RESULTS.md: one line a recorded config, with the command that gave it."""
    lines = [
        "# Results",
        "",
        "Made by `jaxdl results add RUN` from `results.json`; `jaxdl results check CONFIG` runs a",
        "row again. Of several seeds the first number is the mean +- the deviation; else n = 1.",
        "",
        "| command | measured | published | steps | seconds (compile, train) | on | commit, day |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in read_results(root).values():
        seconds = entry["seconds"]
        told = in_words(entry["metrics"], entry["headline"], spread(entry))
        parts = ", ".join(f"{seconds[k]:.1f}" for k in ("compile", "train") if k in seconds)
        lines.append(
            f"| {_code(entry['command'])} | {_cell(told)} | "
            f"{_cell(entry.get('published', ''))} | "
            f"{_cell(entry.get('steps', ''))} | {seconds['total']:.1f} ({parts}) | "
            f"{entry['devices']} x {_cell(entry.get('machine', entry['device']))} | "
            f"{_cell(', '.join(entry[k] for k in ('commit', 'date') if k in entry))} |"
        )
    return "\n".join([*lines, ""])


def _cell(value: Any) -> str:
    """Text in a table of Markdown: what would end the cell, or be HTML or a link, is escaped."""
    text = re.sub(r"([\\|\[\]`*])", r"\\\1", str(value))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """Code in a table of Markdown, in more backticks than it has itself."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    room = " " if fence != "`" else ""
    return f"{fence}{room}{text}{room}{fence}".replace("|", "\\|")
