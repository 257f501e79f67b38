"""A run folder for one run: its lock, its config, and what may change when it is resumed."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.config import (
    differences,
    flatten,
    read_toml,
    to_table,
    without_foreign,
    write_toml,
)
from jaxdl.runs.lock import NAME as LOCK
from jaxdl.runs.lock import hold
from jaxdl.runs.results import Report, write_report
from jaxdl.runs.signals import Signals, terminable

STRUCTURAL = ("experiment", "data.", "model.", "optim.name", "seed")
MOVABLE = ("data.dir",)
CONFIG = "config.toml"


def run_folder(name: str, given: Path | None, resume: bool) -> Path:
    """`given`, or a new folder below `runs/<name>`; to resume, the newest run that is there."""
    if given is not None:
        return given
    runs = Path("runs") / name
    earlier = sorted(path for path in runs.glob("*") if (path / CONFIG).exists())
    if resume and earlier:
        return earlier[-1]
    return runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


@contextmanager
def open_run(folder: Path, table: dict[str, Any], *, resume: bool, again: str) -> Iterator[None]:
    """Holds `folder` for a run whose config is `table`, which is saved there.

    Prints what a resumed run changes. Raises RunBusyError where another run is at it; UsageError
    where it holds a run and `resume` is not given (`again` is the command that continues it), or
    where the change is a structural one. A run that fails before it has made anything leaves the
    folder as it was.
    """
    existed = os.path.isdir(folder)
    try:
        with hold(folder):
            before = _prepare(folder, table, resume, again)
            made = _made(folder)
            try:
                yield
            except ValueError:  # usage or data: this config cannot run
                if _made(folder) == made:
                    _put_back(folder / CONFIG, before)
                raise
    finally:
        if not existed:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _prepare(folder: Path, table: dict[str, Any], resume: bool, again: str) -> bytes | None:
    saved = folder / CONFIG
    if not resume and any(path.name != LOCK for path in folder.iterdir()):
        raise UsageError(
            f"run folder {folder} exists; choose another, or continue it with:\n  {again}"
        )
    if not saved.exists():
        _write(saved, table)
        return None
    before, old = saved.read_bytes(), read_toml(saved)
    _compare(old, table)
    if old != table:
        _write(saved, table)
    return before


def _compare(old: dict[str, Any], new: dict[str, Any]) -> None:
    new = flatten(new)
    changed = differences(without_foreign(flatten(old), new), new)
    for name, (before, after) in changed.items():
        print(f"resuming with {name} = {after} (was {before})", file=sys.stderr)
    fixed = [n for n in changed if n.startswith(STRUCTURAL) and n not in MOVABLE]
    if fixed:
        raise UsageError(f"resume: {', '.join(fixed)} cannot change in a run; start a new one")


def _made(folder: Path) -> set[str]:
    """What there is of a run besides its config: rows, checkpoints."""
    found = [*folder.iterdir(), *(folder / "checkpoints").glob("*")]
    return {path.name for path in found} - {CONFIG, LOCK}


def _write(path: Path, table: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    write_toml(part, table)
    part.replace(path)


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(before)


def config_table(experiment: str, cfg: Any) -> dict[str, Any]:
    """What a config file says: the script's name, then every field."""
    return {"experiment": experiment, **to_table(cfg)}


def work_in_folder(
    folder: Path,
    name: str,
    table: dict[str, Any],
    words: list[str],
    resume: bool,
    work: Callable[[], Report],
) -> None:
    """Does `work` in a run folder of its own, and writes the report that it returns.

    `name` and `table` are the config's, `words` is the command, to say how to go on.
    """
    again = shlex.join([*words, "--run-dir", str(folder), "--resume"])
    with open_run(folder, table, resume=resume, again=again), terminable():
        Signals.farewell = f"Resume with: {again}"
        say(f"run folder {folder}; continue it with: {again}")
        try:
            report = work()
            write_report(folder, report, name=name, experiment=table["experiment"], command=words)
        except (Exception, KeyboardInterrupt) as error:
            error = _explain(error, folder)
            code = getattr(error, "code", 130 if isinstance(error, KeyboardInterrupt) else 1)
            if code > 128 or code in (3, 7):
                say(f"resume with: {again}")
            raise error from None


def say(line: str) -> None:
    """Prints to stderr, whether anybody reads it or not."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _explain(error: BaseException, folder: Path) -> BaseException:
    """What a run died of, in the words of the person who started it."""
    from jaxdl.runs.errors import explain

    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return CheckpointError(f"{error}; what was saved in {folder} before stands")
    return explain(error) if isinstance(error, Exception) else error
