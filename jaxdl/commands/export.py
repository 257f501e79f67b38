"""`jaxdl export`: a trained run for those who have jax, PyTorch or neither."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.runs.environment import prepare_process

HELP = "a run as a program of StableHLO, or its weights for PyTorch"
KINDS = {"stablehlo": ".stablehlo", "safetensors": ".safetensors", "torch": ".pth"}
ONNX = (
    "export --to onnx: the converter of JAX programs, jax2onnx, needs orbax-checkpoint < 0.11.37, "
    "jaxdl >= 0.12.3: both cannot be in one environment; use --to torch, load the file into "
    "torchvision's or timm's network of that name and call torch.onnx.export, or --to stablehlo"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is exported, as what, and where to."""
    parser.add_argument(
        "what",
        metavar="RUN",
        help="a run folder, or the name of its config; for weights also our weight file, or its "
        "name in JAXDL_WEIGHTS_DIR",
    )
    parser.add_argument(
        "--to",
        required=True,
        choices=[*KINDS, "onnx"],
        help="stablehlo: model, preparation and weights as one program for cpu, cuda and tpu; "
        "safetensors, torch: weights under the names of torchvision or timm; onnx: says why not, "
        "and the way there",
    )
    parser.add_argument("--out", type=Path, help="the file (default: RUN's name and the ending)")
    parser.add_argument("--source", help="of weights: whose names (default: as they came)")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Writes the file, and prints what it is."""
    if args.to == "onnx":
        raise UsageError(ONNX)
    prepare_process()
    out = args.out or Path(f"{Path(args.what).stem}{KINDS[args.to]}")
    check_free(out)
    if args.to == "stablehlo":
        if args.source:
            raise UsageError("export: --source is for weights; a program has no names")
        print(_program(Path(args.what), out))
    else:
        print(_weights(args, out))
    return 0


def check_free(path: Path) -> None:
    """Raises UsageError where there is such a file."""
    if path.exists():
        raise UsageError(f"{path} exists; choose another name with --out, or remove it")


def _program(folder: Path, out: Path) -> str:
    from jaxdl.experiment import read_run_alone
    from jaxdl.interop.stablehlo import PLATFORMS, export_program
    from jaxdl.plain_file import write_whole

    _, restored = read_run_alone(folder)
    task, split = restored.task, restored.task.splits["train"]
    if "image" not in split.names or task.model is None:
        raise UsageError(f"export {folder}: no run of one model of pictures or tables")
    example = split.example["image"]
    program = export_program(task.model, restored.state.variables, task.prepare, example)
    write_whole(out, program)
    shape = ", ".join(["B", *map(str, example.shape)])
    return (
        f"{out}: {example.dtype} ({shape}) -> the output of the model, on {', '.join(PLATFORMS)}\n"
        f"{len(program):,} bytes; without jaxdl: "
        f"jax.export.deserialize(open({str(out)!r}, 'rb').read()).call(rows)"
    )


def _weights(args: argparse.Namespace, out: Path) -> str:
    from jaxdl.models.weights.published import export_weights, load_weights
    from jaxdl.models.weights.weights_folder import find_weights
    from jaxdl.runs.run_folder import find_run

    folder = find_run(Path(args.what))
    run = folder.is_dir()
    weights = run_weights(folder) if run else load_weights(find_weights(args.what))
    export_weights(out, weights, source=args.source)
    done = f"{out}: {weights.name} under {args.source or weights.source}'s names"
    return "\n".join([done, *weights.said]) if run else done


def run_weights(folder: Path) -> Any:
    """The network of a classifier's run, with how pictures were brought to it.

    Raises UsageError for a run of another kind, or of a network without another library's names.
    """
    from jaxdl.classification.task import ClassifierConfig
    from jaxdl.experiment import read_run_alone
    from jaxdl.models.registry import model_options
    from jaxdl.models.weights.preprocessing import Preprocessing
    from jaxdl.models.weights.published import Weights
    from jaxdl.models.zoo_table import name_sources

    _, restored = read_run_alone(folder)
    cfg, split = restored.cfg, restored.task.splits["train"]
    shape = split.example["image"].shape if "image" in split.names else ()
    if not isinstance(cfg, ClassifierConfig) or len(shape) != 3 or shape[0] != shape[1]:
        raise UsageError(f"export {folder}: no run of a classifier of square pictures")
    sources = name_sources(cfg.model.name)
    if not sources:
        raise UsageError(f"export {folder}: no library has names for {cfg.model.name}")
    usual = dataclasses.asdict(model_options(cfg.model.name)())
    chosen = dataclasses.asdict(cfg.model)
    options = {k: v for k, v in chosen.items() if v != usual[k] and k != "weights"}
    mean, std = ((*v, *v, *v) if len(v) == 1 else v for v in (cfg.image.mean, cfg.image.std))
    how = Preprocessing(size=shape[0], resize=shape[0], mean=mean, std=std)
    said = ()
    if options.get("padding") == "same" and sources[0] == "torchvision":
        said = (
            "padding is TensorFlow's SAME: torchvision's own network pads otherwise, and gives "
            "other logits; train with --model.padding symmetric for equal ones",
        )
    variables = restored.state.variables
    names = split.classes
    return Weights(
        cfg.model.name, len(names), variables, how, sources[0], options, names, said=said
    )
