"""`jaxdl predict`: a trained run on a person's own files."""

import argparse
from pathlib import Path

from jaxdl.experiment import read_run_alone

HELP = "apply a trained run to files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and the files."""
    parser.add_argument("run", type=Path)
    parser.add_argument("files", nargs="+", type=Path)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what the experiment's own `predict` says, else the three likeliest classes."""
    experiment, restored = read_run_alone(args.run)
    from jaxdl.evaluation.predict import predict_paths

    print((experiment.predict or predict_paths)(restored, args.files))
    return 0
