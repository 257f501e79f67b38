"""`jaxdl sweep`: searches the numbers of a config."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from jaxdl.catalog import find_config
from jaxdl.config import to_table
from jaxdl.experiment import read_config
from jaxdl.runs.run_folder import config_table, run_folder, say, work_in_folder

HELP = "search the numbers of a config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those besides the fields of the config."""
    parser.add_argument("config", help="a config, by name or path")
    parser.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=A,B,...",
        help="a field and its values: --grid optim.lr=0.1,0.01; several give all combinations",
    )
    parser.add_argument(
        "--random",
        action="append",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="a field that is drawn between two limits, on a log scale where both are above 0",
    )
    parser.add_argument("--trials", type=int, help="random draws (default: 32)")
    parser.add_argument("--search-seed", type=int, help="of the draws (default: 0)")
    parser.add_argument("--folds", type=int, help="K-fold cross-validation (default: none)")
    parser.add_argument("--by", help="what is compared (default: val_accuracy, else val_loss)")
    parser.add_argument("--memory", type=int, help="bytes that a group may take (default: 2e9)")
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="the folder (default: runs/NAME_sweep/...)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the search there, or the newest one"
    )
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Runs the trials that have not ended yet; leaves their table and `best.toml`."""
    path = find_config(args.config)
    experiment, cfg = read_config(path, rest, "sweep")
    build = experiment.builder(f"sweep {args.config}")
    from jaxdl.search.sweep import check_same_search, sweep

    search, asked = read_search(args)
    folder = run_folder(f"{path.stem}_sweep", args.run_dir, args.resume)
    table = {**config_table(experiment.name, cfg), "sweep": to_table(search)}
    if args.resume:
        check_same_search(folder / "config.toml", table)
    words = ["jaxdl", "sweep", args.config, *asked, *rest]
    read = lambda flags: read_config(path, [*rest, *flags], "sweep")[1]  # noqa: E731
    work = partial(sweep, read, build, experiment.name, search, folder, say=say)
    work_in_folder(folder, path.stem, table, words, args.resume, work)
    return 0


def read_search(args: argparse.Namespace) -> tuple[Any, list[str]]:
    """(the Search, the words on the command line that say it)."""
    from jaxdl.search.sweep import Search

    given: dict[str, Any] = {"grid": tuple(args.grid), "random": tuple(args.random)}
    words = [word for spec in args.grid for word in ("--grid", spec)]
    words += [word for spec in args.random for word in ("--random", spec)]
    for name in ("trials", "search_seed", "folds", "by", "memory"):
        value = getattr(args, name)
        if value is not None:
            given[name] = value
            words += [f"--{name.replace('_', '-')}", str(value)]
    return Search(**given), words
