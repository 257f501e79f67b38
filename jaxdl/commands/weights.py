"""`jaxdl weights import|show`: published weights become ours, and what is in a file."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from jaxdl.commands.export import check_free
from jaxdl.runs.environment import prepare_process

HELP = "published weights become ours; what is in a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of each of the two."""
    actions = parser.add_subparsers(dest="action", metavar="import|show", required=True)
    take = actions.add_parser(
        "import", help="a torchvision or timm file becomes ours", allow_abbrev=False
    )
    where = "or the name of a file in JAXDL_WEIGHTS_DIR"
    take.add_argument("file", help=f".safetensors, or .pth where PyTorch is installed; {where}")
    take.add_argument("--model", required=True, help="a registered model: resnet50, vit_b_16, ...")
    take.add_argument("--out", type=Path, help="our file (default: MODEL.jaxdl.safetensors)")
    take.add_argument("--source", help="torchvision, timm, ... (default: whose names fit)")
    take.add_argument(
        "--classes", type=int, help="default: the rows of the last layer; 0 leaves it out"
    )
    take.add_argument(
        "--part", help="which weights of the file: state_dict, model_ema, ...; all: as it is"
    )
    take.add_argument("--cast", action="store_true", help="take wider floats than float32")
    for name in ("size", "resize"):
        take.add_argument(f"--{name}", type=int, help=f"preprocessing: {name} in pixels")
    for name in ("mean", "std"):
        take.add_argument(f"--{name}", type=float, nargs=3, help=f"preprocessing: {name}")
    take.add_argument("--interpolation", help="preprocessing: bilinear or bicubic")
    show = actions.add_parser("show", help="what is in a weight file", allow_abbrev=False)
    show.add_argument("file", help=f"any weight file, {where}")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Does what `args` ask for and prints what was done."""
    prepare_process()
    print({"import": _import, "show": _show}[args.action](args))
    return 0


def _import(args: argparse.Namespace) -> str:
    from jaxdl.models.weights.published import import_weights, save_weights
    from jaxdl.models.weights.weights_folder import find_weights

    out = args.out or Path(f"{args.model}.jaxdl.safetensors")
    check_free(out)
    weights = import_weights(
        find_weights(args.file),
        args.model,
        source=args.source,
        num_classes=args.classes,
        change=_preprocessing_changes(args),
        cast=args.cast,
        part=args.part,
    )
    save_weights(out, weights)
    return "\n".join([f"{out}: {_facts(weights)}", *weights.said])


def _show(args: argparse.Namespace) -> str:
    from jaxdl.models.weights.known_files import facts_of
    from jaxdl.models.weights.published import load_weights, own_facts
    from jaxdl.models.weights.weight_file import read_weights
    from jaxdl.models.weights.weights_folder import find_weights

    path = find_weights(args.file)
    arrays = read_weights(path)
    width = max(map(len, arrays), default=0)
    lines = [f"{name:{width}}  {a.dtype} {tuple(a.shape)}" for name, a in arrays.items()]
    count = sum(array.size for array in arrays.values())
    lines.append(f"{len(arrays)} arrays, {count:,} numbers")
    if own_facts(path) is None:
        lines.append("another library's file: `jaxdl weights import` makes it ours")
    else:
        lines.append(_facts(load_weights(path)))
    facts = facts_of(path)
    return "\n".join([*lines, *(facts.lines() if facts else ["nothing else is known of it"])])


def _facts(weights: Any) -> str:
    how = ", ".join(f"{k} {v}" for k, v in dataclasses.asdict(weights.preprocessing).items())
    return f"{weights.name}, {weights.num_classes} classes, from {weights.source}; images: {how}"


def _preprocessing_changes(args: argparse.Namespace) -> dict[str, Any]:
    names = ("size", "resize", "mean", "std", "interpolation")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
