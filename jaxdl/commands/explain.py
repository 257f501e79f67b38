"""`jaxdl explain`: where in pictures a trained run, or a published net, sees what it says."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxdl.checks import UsageError
from jaxdl.commands.predict import add_file_arguments, say_made
from jaxdl.experiment import read_run_alone
from jaxdl.runs.environment import prepare_process

if TYPE_CHECKING:
    from jaxdl.evaluation.picture_files import Predicted
    from jaxdl.interpret.attribution.methods import MethodOptions

HELP = "where in your pictures a classifier or detector sees what it says: maps, a sheet"
OF_CLASSES, OF_BOXES = "gradcam", "occlusion"  # where no method is asked for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and the files, or a model with its weights and the files; methods and options."""
    add_file_arguments(parser, "pictures or folders of them", "squeezenet1_1")
    parser.add_argument(
        "--method",
        default="",
        help="gradcam (of a detector: occlusion), saliency,smoothgrad, ..., or all",
    )
    parser.add_argument(
        "--target",
        default="",
        help="a class, by name or number (default: each picture's likeliest)",
    )
    parser.add_argument("--stage", default="", help="of gradcam and cam (default: the last map)")
    parser.add_argument("--steps", type=int, default=50, help="of integrated_gradients")
    parser.add_argument("--samples", type=int, default=25, help="of smoothgrad")
    parser.add_argument("--window", type=int, default=0, help="of occlusion, in pixels to a side")
    parser.add_argument(
        "--out", type=Path, help="a folder for sheet.png and maps.npz (default: RUN/explained)"
    )


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what was explained; the code of a data error where a file could not be used."""
    return say_made(_explain_published(args) if args.model else _explain_run(args))


def _options(args: argparse.Namespace) -> "MethodOptions":
    from jaxdl.interpret.attribution.methods import MethodOptions

    return MethodOptions(args.stage, args.steps, args.samples, window=args.window)


def _explain_published(args: argparse.Namespace) -> "Predicted":
    prepare_process()
    from jaxdl.interpret.explain_files import choose_methods, explain_files
    from jaxdl.interpret.subjects import subject_of_weights

    methods = choose_methods(args.method or OF_CLASSES)
    subject = subject_of_weights(args.model, args.weights or args.model)
    out = args.out or Path("explained")
    options = _options(args)
    return explain_files(subject, args.files, methods, out, target=args.target, options=options)


def _explain_run(args: argparse.Namespace) -> "Predicted":
    folder, *files = args.files
    if args.weights:
        raise UsageError("explain: --weights needs --model, whose weights they are")
    if not files:
        raise UsageError(f"explain {folder}: give pictures behind the run folder")
    restored = read_run_alone(folder)[1]
    from jaxdl.detection.task import DetectionTask
    from jaxdl.interpret.explain_files import choose_methods, explain_files
    from jaxdl.interpret.subjects import subject_of_run

    out = args.out or restored.folder / "explained"
    if isinstance(restored.task, DetectionTask):
        return _explain_boxes(args, restored, files, out)
    methods = choose_methods(args.method or OF_CLASSES)
    options, subject = _options(args), subject_of_run(restored)
    return explain_files(subject, files, methods, out, target=args.target, options=options)


def _explain_boxes(
    args: argparse.Namespace, restored: Any, files: Sequence[Path], out: Path
) -> "Predicted":
    """A row of the sheet for each of the surest boxes of each picture."""
    from jaxdl.data.images.letterbox import letterbox
    from jaxdl.detection.evaluate import SURE
    from jaxdl.detection.predict import find_boxes, prepared_batch
    from jaxdl.interpret.explain_boxes import OF_SCORES, BoxSubject, explain_boxes
    from jaxdl.interpret.explain_files import choose_methods

    task, split = restored.task, restored.task.splits["train"]
    height, width, channels = split.example["image"].shape
    subject = BoxSubject(
        find=lambda images: find_boxes(restored, images),
        prepare=lambda images: prepared_batch(task, images),
        fit=lambda image: letterbox(image, (height, width)),
        candidates=task.all_boxes,
        variables=restored.state.variables,
        classes=split.classes,
        channels=channels,
        least=SURE,
    )
    methods = choose_methods(args.method or OF_BOXES, OF_SCORES)
    return explain_boxes(subject, files, methods, out, target=args.target, options=_options(args))
