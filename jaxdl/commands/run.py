"""`jaxdl run`: trains or runs a config in a run folder of its own."""

import argparse
from functools import partial
from pathlib import Path

from jaxdl.checks import UsageError
from jaxdl.experiment import find_config, read_config
from jaxdl.runs.run_folder import config_table, run_folder, work_in_folder

HELP = "train or run a config; every field of it is a flag"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those beside the config's name, which `jaxdl.cli` reads, and its fields."""
    parser.add_argument("--config", dest="config_flag", metavar="FILE")
    parser.add_argument("--run-dir", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument(
        "--seeds", type=int, help="train under so many seeds, report mean and spread"
    )
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Runs the config, or trains it under several seeds; leaves `report.json` in its folder."""
    name = args.config_flag or args.config
    if name is None:
        raise UsageError("run: give a config, by name or path; `jaxdl list` shows them")
    path = find_config(name)
    if args.seeds is not None and hasattr(read_config(path, [])[1], "seeds"):  # its own field
        rest, args.seeds = [*rest, f"--seeds={args.seeds}"], None
    experiment, cfg = read_config(path, rest)
    cfg = experiment.resolved(cfg)
    if args.resume:
        experiment.builder(f"run {path.stem} --resume")
    run_dir = run_folder(path.stem, args.run_dir, args.resume)
    table, words = config_table(experiment.name, cfg), ["jaxdl", "run", name, *rest]
    work = partial(experiment.execute, cfg, run_dir, args.resume)
    if args.seeds is not None:
        from jaxdl.search.seeds import run_seeds

        build = experiment.builder(f"run {path.stem} --seeds")
        work = partial(run_seeds, build, cfg, args.seeds, run_dir)
        table, words = table | {"seeds": args.seeds}, [*words, "--seeds", str(args.seeds)]
    resumable = experiment.build is not None
    work_in_folder(run_dir, path.stem, table, words, args.resume, work, resumable=resumable)
    return 0
