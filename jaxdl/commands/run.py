"""`jaxdl run`: trains or runs a config in a run folder of its own."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.config import flatten
from jaxdl.experiment import Experiment, read_config, weights_of
from jaxdl.runs import processes
from jaxdl.runs.environment import prepare_process
from jaxdl.runs.loggers.log import LOGGERS, check_logger, work_and_log
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import config_table, run_folder, work_in_folder

HELP = "train or run a config; every field of it is a flag"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those beside the config's name, which `jaxdl.cli` reads, and its fields."""
    parser.add_argument(
        "--config",
        dest="config_flag",
        metavar="FILE",
        help="the config, by name or path",
    )
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="the run folder (default: runs/NAME/...)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run there, or the newest of NAME"
    )
    parser.add_argument(
        "--seeds", type=int, help="train under so many seeds, report mean and spread"
    )
    parser.add_argument(
        "--log",
        choices=LOGGERS,
        default="",
        help="send curves and results there, too (jaxdl[wandb], jaxdl[mlflow])",
    )
    processes.add_arguments(parser)
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Runs the config, or trains it under several seeds; leaves `report.json` in its folder."""
    given = (getattr(args, "config", None), args.config_flag)
    words = [word for word in given if word is not None]
    if not words:
        raise UsageError("run: give a config, by name or path; `jaxdl list` shows them")
    path, script = find_config(words[-1]), _script(words)
    check_logger(args.log)
    prepare_process()
    with processes.joined(args):
        # A field of the experiment's own comes before the flag of that name.
        if args.seeds is not None and hasattr(read_config(path, [], script=script)[1], "seeds"):
            rest, args.seeds = [*rest, f"--seeds={args.seeds}"], None
        experiment, cfg = read_config(path, rest, script=script)
        from jaxdl.models.weights.weights_folder import weights_of_run

        said = ["jaxdl", "run", words[0], *[f"--config={word}" for word in words[1:]], *rest]
        with _folder(path.stem, args) as folder, weights_of_run(folder):
            cfg = experiment.resolved(cfg)
            _work(experiment, cfg, folder, args, path.stem, said)
    return 0


def _script(words: list[str]) -> Path | None:
    """The script that is run with another file as its config."""
    if len(words) == 2 and not words[0].endswith(".py"):
        raise UsageError(
            f"run: give {words[0]} or --config {words[1]}; only a .py file goes with it"
        )
    return find_config(words[0]) if len(words) == 2 else None


@contextmanager
def _folder(name: str, args: argparse.Namespace) -> Iterator[Path]:
    """The run's folder; of several processes all but the first have one that nobody sees."""
    if processes.is_first():
        yield run_folder(name, args.run_dir, args.resume)
        return
    with tempfile.TemporaryDirectory(prefix="jaxdl-") as folder:
        yield Path(folder) / "run"


def _work(
    experiment: Experiment,
    cfg: Any,
    folder: Path,
    args: argparse.Namespace,
    name: str,
    words: list[str],
) -> None:
    asking = " ".join(words[1:3])
    if args.resume:
        experiment.builder(f"{asking} --resume")
    table = config_table(experiment.name, cfg)
    if processes.count() > 1:
        _check_together(experiment, table, args, asking)
    work = partial(experiment.execute, cfg, folder, args.resume)
    if args.seeds is not None:
        from jaxdl.search.seeds import run_seeds

        build = experiment.builder(f"{asking} --seeds")
        work = partial(run_seeds, build, cfg, args.seeds, folder)
        table, words = table | {"seeds": args.seeds}, [*words, "--seeds", str(args.seeds)]
    if weights_of(cfg):
        work = partial(_keep_weights_and_work, weights_of(cfg), folder, work)
    resumable = experiment.build is not None
    further = list(next_commands(experiment))
    if args.log and processes.is_first():
        work = partial(work_and_log, args.log, folder, flatten(table), work)
        words = [*words, "--log", args.log]
    work_in_folder(
        folder, name, table, words, args.resume, work, resumable=resumable, commands=further
    )


def next_commands(experiment: Experiment) -> Iterator[str]:
    """What can be asked of a run of the experiment, RUN in place of its folder."""
    if experiment.predict is not None:
        yield "jaxdl predict RUN FILE..."
    if experiment.predict_labels is not None:
        yield 'jaxdl predict RUN FILE... --labels "a, b"'
    if experiment.build is not None:
        yield "jaxdl show run RUN"


def _keep_weights_and_work(weights: str, folder: Path, work: Callable[[], Report]) -> Report:
    from jaxdl.models.weights.weights_folder import keep_weights

    keep_weights(weights, folder)  # the run goes on without the original
    return work()


def _check_together(
    experiment: Experiment, table: dict[str, Any], args: argparse.Namespace, asking: str
) -> None:
    """Raises UsageError for what several processes cannot do together."""
    experiment.builder(f"{asking} --distributed")
    if args.seeds is not None:
        raise UsageError(f"{asking} --seeds: seeds train in one process; leave --distributed out")
    data = {name: value for name, value in table.get("data", {}).items() if name != "dir"}
    from jaxdl.runs.agreement import check_same

    check_same("config", table | {"data": data})
