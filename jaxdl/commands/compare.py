"""`jaxdl compare`: trains a config and its PyTorch twin, and says what differs."""

import argparse
from pathlib import Path

from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.experiment import read_config
from jaxdl.runs.run_folder import run_folder

HELP = "train a config and its PyTorch twin: what differs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is compared, and how long; beside them the fields of the config."""
    parser.add_argument("config", help="a config, by name or path")
    parser.add_argument("--steps", type=int, default=100, help="how long both train")
    parser.add_argument("--full", action="store_true", help="train both to the config's end")
    parser.add_argument("--no-speed", action="store_true", help="leave the timing out")
    parser.add_argument("--out", type=Path, help="the folder (default: runs/NAME_compare/...)")
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints the verdicts and where the page is; 1 where the sides differ."""
    if args.steps < 1:
        raise UsageError(f"compare: --steps must be at least 1, got {args.steps}")
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError('compare needs torch: pip install "jaxdl[torch]"') from None
    path = find_config(args.config)
    experiment, _ = read_config(path, rest, "compare")
    from jaxdl.compare.run import compare

    return compare(
        lambda flags: read_config(path, [*rest, *flags], "compare")[1],
        experiment.builder(f"compare {args.config}"),
        experiment.name,
        [args.config, *rest],
        run_folder(f"{path.stem}_compare", args.out, resume=False),
        steps=None if args.full else args.steps,
        speed=not args.no_speed,
    )
