"""`jaxdl results add`: puts what a run measured into results.json and RESULTS.md."""

import argparse
from pathlib import Path

from jaxdl.catalog import results_root
from jaxdl.runs.results import add_result

HELP = "record what a run measured"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run."""
    parser.add_argument("action", choices=["add"])
    parser.add_argument("run", type=Path)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Records the run in the checkout, or beside a person's own results."""
    root = results_root()
    print(f"{add_result(args.run, root)}: recorded in {root / 'results.json'} and RESULTS.md")
    return 0
