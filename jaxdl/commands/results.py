"""`jaxdl results`: what runs have measured goes into results.json, and is measured again."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from jaxdl.catalog import home, results_root
from jaxdl.checks import UsageError, unknown
from jaxdl.runs.records import verdict
from jaxdl.runs.results import add_result, read_report, read_results
from jaxdl.runs.run_folder import run_folder

HELP = "record what a run measured; check that a record holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action and what it is about."""
    parser.add_argument(
        "action",
        choices=["add", "check"],
        help="add RUN: record it; check CONFIG: run it again, exit code 1 outside of the spread",
    )
    parser.add_argument("what", metavar="RUN|CONFIG", help="add: a run folder; check: a config")
    parser.add_argument("--headline", help="add: the metric that stands for the result")
    parser.add_argument("--published", help="add: what others have measured, in words")
    parser.add_argument("--run-dir", type=Path, help="check: where it runs (default: runs/...)")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Records the run in the checkout, or beside a person's own results; or checks a record."""
    if args.action == "check":
        return check(args.what, args.run_dir)
    root = results_root()
    name = add_result(Path(args.what), root, headline=args.headline, published=args.published)
    print(f"{name}: recorded in {root / 'results.json'} and RESULTS.md")
    return 0


def check(name: str, folder: Path | None) -> int:
    """Runs a recorded command again, in a process of its own; 1 where it lies outside."""
    results = read_results(home()) | read_results(results_root())
    if name not in results:
        raise unknown("results check: record", name, results, "`jaxdl list` shows them all.")
    entry = results[name]
    words = shlex.split(entry["command"])
    if words[:2] != ["jaxdl", "run"]:
        raise UsageError(f"results check: {name} was made by {entry['command']}, not by jaxdl run")
    folder = run_folder(f"{name}_check", folder, resume=False)
    command = [sys.executable, "-m", "jaxdl.cli", *words[1:], "--run-dir", str(folder)]
    if code := subprocess.run(command, check=False).returncode:
        return code
    within, said = verdict(entry, read_report(folder))
    print(f"{name}: {said}")
    return 0 if within else 1
