"""`jaxdl report`: the page of a run, or several runs on one page."""

import argparse
from pathlib import Path

from jaxdl.checks import UsageError
from jaxdl.runs.run_folder import find_run

HELP = "a run's page again, or several runs side by side: configs, numbers, curves"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs, and where the page of several goes."""
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run folder, or a config's name"
    )
    parser.add_argument(
        "--out", type=Path, help="of several runs (default: runs/report.html)", default=None
    )


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Writes the page and prints where it is."""
    from jaxdl.runs.run_page import write_run_page
    from jaxdl.runs.side_by_side import write_side_by_side

    folders = [find_run(given) for given in args.runs]
    if len(folders) > 1:
        print(write_side_by_side(folders, args.out or Path("runs/report.html")))
        return 0
    if args.out is not None:
        raise UsageError("report: --out is for several runs; a run's own page stays in its folder")
    print(write_run_page(folders[0]))
    return 0
