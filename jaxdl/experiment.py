"""Experiments: read with a config, run, and taken up again."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxdl.catalog import find_config, load_script
from jaxdl.checks import UsageError
from jaxdl.config import (
    flatten,
    parse,
    read_toml,
    rename_flags,
    to_table,
    with_added,
)
from jaxdl.plain_file import check_only_files
from jaxdl.runs.environment import device_name, prepare_process, use_compilation_cache
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import find_run
from jaxdl.say import introduce, introduced

if TYPE_CHECKING:  # `jaxdl list` must not wait for jax
    from jaxdl.evaluation.picture_files import Predicted
    from jaxdl.training.restore import RestoredRun
    from jaxdl.training.task import Task

PARTS = ("build", "run", "show", "predict", "predict_labels", "resolve")
REPORTED = {"metrics", "seconds", "device", "devices"}
# What a config.toml has beside the fields of its experiment, where many were trained.
MANY = {"sweep": "the trials of a search", "seeds": "runs under several seeds"}


@dataclass(frozen=True)
class Experiment:
    """What a script of `experiments/` defines: a `Config`, and `build`, `run` or both.

    `build(cfg) -> Task` is trained by the loop and reported; `run(cfg, run_dir) -> Report` takes
    the place of that where it is there, with `resume=True` where a run goes on. `show(run, out)`
    draws a run again and returns text, `predict(run, files, folder)` applies it to a person's
    files and draws into `folder`, `predict_labels(run, files, folder, labels)` chooses between a
    person's own labels. `resolve(cfg)` says what the config leaves to this machine.
    """

    name: str
    Config: type[Any]
    build: "Callable[[Any], Task] | None" = None
    run: Callable[..., Report] | None = None
    show: "Callable[[RestoredRun, Path], str] | None" = None
    predict: "Callable[[RestoredRun, Sequence[Path], Path], Predicted] | None" = None
    predict_labels: "Callable[..., Predicted] | None" = None

    resolve: "Callable[[Any], Any] | None" = None

    def resolved(self, cfg: Any) -> Any:
        """`cfg` with what the weights of its model decide, so that the run itself says it."""
        if self.resolve is not None:
            return self.resolve(cfg)
        if not weights_of(cfg):
            return cfg
        from jaxdl.models.weights.at_hand import resolve_weights

        return dataclasses.replace(cfg, model=resolve_weights(cfg.model)[0])

    def builder(self, asking: str) -> "Callable[[Any], Task]":
        """`build`; raises UsageError, in the name of who is `asking`, where there is none."""
        if self.build is None:
            raise UsageError(f"{asking}: {self.name} has no Task (it trains no model)")
        return self.build

    def execute(self, cfg: Any, run_dir: Path, resume: bool = False) -> Report:
        """The script's own `run`, else its task is trained and measured; what is to be reported."""
        if self.run is not None:
            with introduced(device_name()):
                if not hasattr(cfg, "data"):
                    introduce(self.name)
                report = self.run(cfg, run_dir, **({"resume": True} if resume else {}))
            if lacks := REPORTED - report.keys():
                raise UsageError(
                    f"experiment {self.name}: what run(cfg, run_dir) returns lacks "
                    f"{', '.join(sorted(lacks))}; report_numbers of jaxdl.training.report makes it"
                )
            return report
        from jaxdl.training.loop import fit
        from jaxdl.training.report import report_fit

        task = self.builder("run")(cfg)
        fitted = fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
        return report_fit(run_dir, cfg, task, fitted)


def weights_of(cfg: Any) -> str:
    """The weights that a config's model starts from; "" for none."""
    return getattr(getattr(cfg, "model", None), "weights", "")


def find_experiment(name: str) -> Experiment:
    """The experiment of that name, or of a .py file (`jaxdl.catalog`).

    Raises UsageError with near names where there is none.
    """
    prepare_process()
    module = load_script(name)
    use_compilation_cache()
    return Experiment(name, module.Config, **{part: getattr(module, part, None) for part in PARTS})


def read_config(
    path: Path,
    flags: Sequence[str],
    command: str = "run",
    *,
    script: Path | None = None,
    saved: bool = False,
) -> tuple[Experiment, Any]:
    """(the experiment, its config) of a TOML file and flags; `command` stands in messages.

    The experiment is that of `script` where it is given; a script in place of the file has its own
    defaults. Where a run `saved` the file, options that came later are as they were before.
    """
    script = path if path.suffix == ".py" else script
    table = {} if path.suffix == ".py" else read_toml(path)
    name = table.pop("experiment", None)
    table.pop("needs", None)  # what a measurement waits for; `jaxdl list` says it
    if script is not None:
        name = str(script.resolve())
    if not isinstance(name, str):
        raise UsageError(f'config {path}: it must name its script: experiment = "..."')
    if name.endswith(".py"):  # beside the file that names it
        name = str((path.parent / name).resolve())
    experiment = find_experiment(name)
    flags, prog = rename_flags(flags, name), f"jaxdl {command} {path.stem}"
    cfg = parse(experiment.Config, table, flags, path=path, prog=prog)
    if saved:
        table = with_added(flatten(table), flatten(to_table(cfg)))
        cfg = parse(experiment.Config, table, flags, path=path, prog=prog)
    return experiment, cfg


def task_of(config: str, flags: Sequence[str], command: str) -> "Task":
    """The task of a config, by name or path, with further flags."""
    experiment, cfg = read_config(find_config(config), flags, command)
    return experiment.builder(f"{command} {config}")(cfg)


def read_run(folder: Path, flags: Sequence[str]) -> "tuple[Experiment, RestoredRun]":
    """A run folder's experiment, and the run as it ended, with the data of its config.

    In place of the folder the name of a config stands for the newest of its runs.
    """
    folder = find_run(folder)
    path = folder / "config.toml"
    if not path.exists():
        raise UsageError(
            f"{folder}: no config.toml in it, and no runs/{folder}; give a run folder, or the name "
            "of a config that was run from here"
        )
    try:
        check_only_files(folder)
    except OSError as error:
        raise UsageError(f"{folder} holds {error.filename}, {error.strerror}: remove it") from None
    for name, what in MANY.items():
        if name in read_toml(path) and not (folder / "checkpoints").exists():
            raise UsageError(f"{folder} holds {what}, and no model of its own; train one alone")
    experiment, cfg = read_config(path, flags, "show run", saved=True)
    from jaxdl.training.restore import RestoredRun

    build = experiment.builder(str(folder))
    return experiment, RestoredRun(folder, partial(_build_in, folder, build), cfg)


def _build_in(folder: Path, build: "Callable[[Any], Task]", cfg: Any) -> "Task":
    """The task of a run, from the weights that it has kept."""
    from jaxdl.models.weights.weights_folder import weights_of_run

    with weights_of_run(folder):
        return build(cfg)


def read_run_alone(folder: Path) -> "tuple[Experiment, RestoredRun]":
    """As `read_run`, with the one example that the run kept in place of its data."""
    experiment, run = read_run(folder, [])
    from jaxdl.data.run_example import run_data

    here: dict[str, Any] = {"data": run_data(run.cfg.data, run.folder)}
    if weights_of(run.cfg):  # the checkpoint has its own
        here["model"] = dataclasses.replace(run.cfg.model, weights="")
    return experiment, dataclasses.replace(run, cfg=dataclasses.replace(run.cfg, **here))


def load_run(run_dir: str | Path) -> tuple[Any, dict[str, Any], Any, tuple[str, ...]]:
    """(model, variables, prepare, classes) of a trained run; its data need not be at hand.

    `x = prepare(keys, {"image": uint8 (B, H, W, C)}, train=False)["image"]`, then
    `model.apply(variables, x, train=False)` gives what the model gave in the run's own evaluation.
    """
    _, run = read_run_alone(Path(run_dir))
    return run.task.model, run.state.variables, run.task.prepare, run.task.splits["train"].classes
