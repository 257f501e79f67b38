"""`jaxdl check`: the debugging recipe on a config, one verdict per line."""

import argparse
from pathlib import Path

from jaxdl.catalog import find_config
from jaxdl.experiment import read_config
from jaxdl.runs.run_folder import run_folder

HELP = "verdicts on a config: data, loss, rate, layers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The config and the picture; beside them the fields of the config."""
    parser.add_argument("config", help="a config, by name or path")
    parser.add_argument(
        "--out", type=Path, help="the picture (default: runs/NAME_check/.../rates.png)"
    )
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints the verdicts; 1 where one of them is a failure."""
    path = find_config(args.config)
    experiment, _ = read_config(path, rest, "check")
    build = experiment.builder(f"check {args.config}")
    from jaxdl.diagnose.recipe import run_recipe

    folder = run_folder(f"{path.stem}_check", None, resume=False)
    out = args.out or folder / "rates.png"
    read = lambda flags: read_config(path, [*rest, *flags], "check")[1]  # noqa: E731
    return int(run_recipe(read, build, out))
