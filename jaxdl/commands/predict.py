"""`jaxdl predict`: a trained run on a person's own files."""

import argparse
import sys
from pathlib import Path

from jaxdl.checks import DataError, UsageError
from jaxdl.experiment import read_run_alone

HELP = "apply a trained run to files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and the files."""
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("files", nargs="+", type=Path, help="pictures, folders of them, tables")
    parser.add_argument(
        "--out", type=Path, help="where pictures are drawn (default: RUN/predicted)"
    )


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what the experiment's own `predict` says; the code of a data error where a file
    could not be used, which is said at the end."""
    experiment, restored = read_run_alone(args.run)
    if experiment.predict is None:
        raise UsageError(
            f"predict {args.run}: {experiment.name} makes nothing of files; "
            f"`jaxdl show run {args.run}` shows what it has learned"
        )
    lines, faults = experiment.predict(restored, args.files, args.out or args.run / "predicted")
    for line in lines:
        print(line)
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)
    return DataError.code if faults else 0
