"""`jaxdl weights import|export|show`: published weights into ours and back."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.runs.environment import prepare_process

HELP = "published weights into ours and back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of each of the three."""
    actions = parser.add_subparsers(dest="action", metavar="import|export|show", required=True)
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
    give = actions.add_parser(
        "export", help="our file becomes one that torch loads", allow_abbrev=False
    )
    give.add_argument("file", help=f"our file, a run folder, {where}")
    give.add_argument("out", type=Path, help="its ending says the kind: .safetensors or .pth")
    give.add_argument("--source", help="whose names (default: those that it came with)")
    show = actions.add_parser("show", help="what is in a weight file", allow_abbrev=False)
    show.add_argument("file", help=f"any weight file, {where}")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Does what `args` ask for and prints what was done."""
    prepare_process()
    print({"import": _import, "export": _export, "show": _show}[args.action](args))
    return 0


def _import(args: argparse.Namespace) -> str:
    from jaxdl.models.weights.published import import_weights, save_weights
    from jaxdl.models.weights.weights_folder import find_weights

    out = args.out or Path(f"{args.model}.jaxdl.safetensors")
    _check_free(out)
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


def _export(args: argparse.Namespace) -> str:
    from jaxdl.models.weights.published import export_weights, load_weights
    from jaxdl.models.weights.weights_folder import find_weights

    _check_free(args.out)
    run = Path(args.file).is_dir()
    weights = run_weights(Path(args.file)) if run else load_weights(find_weights(args.file))
    export_weights(args.out, weights, source=args.source)
    done = f"{args.out}: {weights.name} under {args.source or weights.source}'s names"
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
        raise UsageError(f"weights {folder}: no run of a classifier of square pictures")
    sources = name_sources(cfg.model.name)
    if not sources:
        raise UsageError(f"weights {folder}: no library has names for {cfg.model.name}")
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


def _check_free(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} exists; choose another name with --out, or remove it")
