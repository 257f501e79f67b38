"""The rows of a run, sent as they are written to a service that a person asked for (`--log`)."""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jaxdl.checks import UsageError, require
from jaxdl.plain_file import read_plain, write_whole
from jaxdl.runs.results import Report

if TYPE_CHECKING:  # `jaxdl list` must not wait for jax
    from jaxdl.typing import Numbers

LOGGERS = ("wandb", "mlflow")
NAME = "logger.json"  # in the run folder: the service's own name of the run


class Logger(Protocol):
    """A run of a service, open."""

    run_id: str
    """The service's name of the run, by which a resumed one goes on."""

    def log(self, step: int, numbers: "Numbers") -> None:
        """A row of curves; a step that was sent before may come again after a resume."""
        ...

    def finish(self, numbers: "Numbers", *, failed: bool) -> None:
        """The numbers of the report, and the end."""
        ...


_open: ContextVar[tuple[Path, Logger] | None] = ContextVar("_open", default=None)


def check_logger(kind: str) -> None:
    """Raises UsageError where the package of `kind`, one of `LOGGERS`, is absent; "" is none."""
    if kind:
        require(kind, f"jaxdl[{kind}]", f"--log {kind}")


def work_and_log(
    kind: str, folder: Path, config: Mapping[str, Any], work: Callable[[], Report]
) -> Report:
    """Does `work`, and sends the rows and the report that it leaves in `folder` to `kind`.

    `config`: the run's, flat. The service's own settings hold (WANDB_PROJECT, WANDB_MODE,
    MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, ...). A resumed run goes on there, too.
    """
    if kind == "wandb":
        from jaxdl.runs.loggers.wandb_logger import WandbLogger as Kind
    else:
        from jaxdl.runs.loggers.mlflow_logger import MlflowLogger as Kind
    path = folder / NAME
    known = json.loads(read_plain(path)) if path.exists() else {}
    try:
        logger = Kind(folder.name, dict(config), known.get(kind))
    except Exception as error:  # of many kinds: no account, no network, settings that do not fit
        raise UsageError(f"--log {kind}: {error}") from error
    token = _open.set((folder.resolve(), logger))
    numbers: Numbers = {}
    failed = True
    try:
        write_whole(path, json.dumps(known | {kind: logger.run_id}, indent=2) + "\n")
        report = work()
        reported = report["metrics"].items()
        numbers = {k: float(v) for k, v in reported if isinstance(v, int | float)}
        failed = False
    finally:
        _open.reset(token)
        logger.finish(numbers, failed=failed)
    return report


def send_row(folder: Path, step: int, numbers: "Numbers") -> None:
    """A row of the metrics of `folder`, under its name where it lies in the run's (a seed's)."""
    found = _open.get()
    if found is None:
        return
    root, logger = found
    inner = folder.resolve().relative_to(root).as_posix()
    prefix = "" if inner == "." else f"{inner}/"
    logger.log(step, {f"{prefix}{name}": value for name, value in numbers.items()})
