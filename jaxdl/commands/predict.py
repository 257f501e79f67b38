"""`jaxdl predict`: a trained run, or a published net, on a person's own files."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jaxdl.checks import DataError, UsageError, unknown
from jaxdl.experiment import read_run_alone
from jaxdl.runs.environment import prepare_process

if TYPE_CHECKING:
    from jaxdl.evaluation.picture_files import Predicted
    from jaxdl.experiment import Experiment

HELP = "apply a trained run, or a published net, to files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and the files, or a model with its weights and the files."""
    add_file_arguments(parser, "pictures, folders of them, tables, ...", "mobilenet_v2")
    parser.add_argument(
        "--labels",
        help='of a run of CLIP: what to choose between, "a red circle, a blue square"',
    )
    parser.add_argument(
        "--out", type=Path, help="where pictures are drawn (default: RUN/predicted, ./predicted)"
    )
    parser.add_argument(
        "--json", action="store_true", help="an object for each file in place of text, for programs"
    )


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what is found in the files; the code of a data error where one could not be used,
    which is said at the end."""
    made = _predict_published(args) if args.model else _predict_run(args)
    if args.json:
        made = made._replace(lines=[json.dumps(made.rows, indent=1)])
    return say_made(made)


def _predict_run(args: argparse.Namespace) -> "Predicted":
    folder, *files = args.files
    if args.weights:
        raise UsageError("predict: --weights needs --model, whose weights they are")
    experiment, restored = read_run_alone(folder)
    apply = experiment.predict if args.labels is None else experiment.predict_labels
    if apply is None:
        raise UsageError(f"predict {folder}: {_why_not(experiment, args.labels)}")
    if not files:
        raise UsageError(f"predict {folder}: give files behind the run folder")
    labels = [] if args.labels is None else [args.labels.split(",")]
    return apply(restored, files, args.out or restored.folder / "predicted", *labels)


def _why_not(experiment: "Experiment", labels: str | None) -> str:
    """Why a run of the experiment cannot be asked so."""
    if labels is not None:
        return f"--labels are for runs of CLIP, which read them; {experiment.name} does not"
    if experiment.predict_labels is not None:
        return f'{experiment.name} chooses between labels; give --labels "a red circle, ..."'
    return f"{experiment.name} makes nothing of files; `jaxdl show run` shows what it has learned"


def _predict_published(args: argparse.Namespace) -> "Predicted":
    if args.labels is not None:
        raise UsageError("predict: --labels need the run of a CLIP, not --model")
    prepare_process()
    from jaxdl.detection.torchvision.predict import predict_with_detector
    from jaxdl.detection.torchvision.registry import DETECTORS
    from jaxdl.evaluation.predict_published import predict_published
    from jaxdl.models.registry import list_models

    if args.model not in DETECTORS and args.model not in list_models():
        raise unknown("model", args.model, [*list_models(), *DETECTORS])
    apply = predict_with_detector if args.model in DETECTORS else predict_published
    out = args.out or Path("predicted")
    return apply(args.model, args.weights or args.model, args.files, out)


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
    for line in made.lines:
        print(line)
    for fault in made.faults:
        print(f"left out: {fault}", file=sys.stderr)
    return DataError.code if made.faults else 0
