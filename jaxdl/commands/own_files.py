"""What the commands on a person's own files share: the flags, and how the outcome is said."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jaxdl.checks import DataError

if TYPE_CHECKING:
    from jaxdl.evaluation.picture_files import Predicted


def add_file_arguments(parser: argparse.ArgumentParser, files: str, example: str) -> None:
    """The run and the files, or a model with its weights and the files."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="RUN FILE",
        help=f"a run folder (not with --model), then {files}",
    )
    parser.add_argument("--model", help=f"a registered model in place of a run: {example}, ...")
    parser.add_argument(
        "--weights", help="its weights: a file, or a name in JAXDL_WEIGHTS_DIR (default: MODEL's)"
    )


def say_made(made: "Predicted") -> int:
    """Prints what was made of the files, then those that could not be used; the exit code, that of
    a data error where there are such."""
    lines, faults = made
    for line in lines:
        print(line)
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)
    return DataError.code if faults else 0
