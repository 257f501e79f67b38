"""A run folder for one run: its lock, its config, and what may change when it is resumed."""

import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import tomli_w

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.config import differences, flatten, read_toml, to_table, with_added, without_foreign
from jaxdl.plain_file import read_plain, write_whole
from jaxdl.runs.lock import NAME as LOCK
from jaxdl.runs.lock import FolderLostError, hold
from jaxdl.runs.manifest import saved_config
from jaxdl.runs.results import Report, write_report
from jaxdl.runs.run_page import write_run_page
from jaxdl.runs.signals import Signals, terminable
from jaxdl.runs.to_open import to_open

STRUCTURAL = ("experiment", "data.", "model.", "optim.name", "seed")
MOVABLE = ("data.dir",)
CONFIG = "config.toml"
WEIGHTS = "weights"  # the folder of the weight file that the run starts from
STAMP = "%Y%m%d-%H%M%S"


def run_folder(name: str, given: Path | None, resume: bool) -> Path:
    """`given`, or a new folder below `runs/<name>`; to resume, the newest run that is there."""
    if given is not None:
        return given
    runs = Path("runs") / name
    earlier = _runs_in(runs)
    if resume and earlier:
        return earlier[-1]
    return runs / f"{_next_stamp(runs)}-{os.getpid()}"


def find_run(given: Path) -> Path:
    """`given`, a run folder; or, for a config's name, the newest of its runs below `runs/`."""
    for runs in (given, Path("runs") / given):
        if (runs / CONFIG).exists():
            return runs
        if earlier := _runs_in(runs):
            say(f"of {len(earlier)} runs in {runs} the newest: {earlier[-1]}")
            return earlier[-1]
    return given


def _runs_in(runs: Path) -> list[Path]:
    """The run folders in a folder, oldest first."""
    return sorted(path for path in runs.glob("*") if (path / CONFIG).exists())


def _next_stamp(runs: Path) -> str:
    """The time, or a second after the newest run, as clocks are set back and summer time ends."""
    now, names = time.strftime(STAMP), [path.name[:15] for path in runs.glob("*")]
    newest = max((name for name in names if re.fullmatch(r"\d{8}-\d{6}", name)), default="")
    if newest < now:
        return now
    return f"{datetime.strptime(newest, STAMP) + timedelta(seconds=1):{STAMP}}"


@contextmanager
def open_run(
    folder: Path, table: dict[str, Any], *, resume: bool, again: str | None
) -> Iterator[None]:
    """Holds `folder` for a run whose config is `table`, which is saved there.

    Prints what a resumed run changes. Raises RunBusyError where another run is at it; UsageError
    where it holds a run and `resume` is not given (`again` is the command that continues it, if
    one can), where its config is gone, or where the change is a structural one. A run that fails
    before it has made anything leaves the folder as it was.
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
                    if before is None:
                        shutil.rmtree(folder / WEIGHTS, ignore_errors=True)
                        say(f"run folder {folder} is not kept: nothing has been made")
                raise
    finally:
        if not existed:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _prepare(folder: Path, table: dict[str, Any], resume: bool, again: str | None) -> bytes | None:
    saved = folder / CONFIG
    there = sorted(path.name for path in folder.iterdir() if path.name != LOCK)
    if there and not resume:
        more = f", or continue it with:\n  {again}" if again else " with --run-dir"
        raise UsageError(f"run folder {folder} exists; choose another{more}")
    if there and CONFIG not in there:
        raise UsageError(
            f"run folder {folder} holds {', '.join(there[:5])} but no {CONFIG}: what was run there "
            'is not known. Put it back ("config" in checkpoints/*.manifest.json), or start anew'
        )
    if resume and not there:
        say(f"resume: {folder} holds no run; a new one begins there")
    if not there:
        write_toml(saved, table)
        return None
    before, old = read_plain(saved), read_toml(saved)
    _compare(old, table, saved_config(folder / "checkpoints"))
    if old != table:
        write_toml(saved, table)
    return before


def _compare(old: dict[str, Any], new: dict[str, Any], kept: dict[str, Any]) -> None:
    """`old` is of config.toml, which anybody may have edited, `kept` of the newest checkpoint."""
    new = flatten(new)
    old, kept = (
        with_added(without_foreign(flatten(t), new), new) if t else {} for t in (old, kept)
    )
    changed = differences(kept, new) if kept else {}
    changed = {n: pair for n, pair in changed.items() if _is_fixed(n)}
    changed |= differences(old, new)
    for name, (before, after) in changed.items():
        say(f"resuming with {name} = {after!r} (was {before!r})")
    fixed = [name for name in changed if _is_fixed(name)]
    if fixed:
        raise UsageError(f"resume: {', '.join(fixed)} cannot change in a run; start a new one")


def _is_fixed(name: str) -> bool:
    return name.startswith(STRUCTURAL) and name not in MOVABLE


def _made(folder: Path) -> set[str]:
    """What there is of a run besides its config and its start: rows, checkpoints."""
    found = [*folder.iterdir(), *(folder / "checkpoints").glob("*")]
    return {path.name for path in found} - {CONFIG, LOCK, WEIGHTS}


def write_toml(path: Path, table: dict[str, Any]) -> None:
    """Writes `table` as TOML, the file whole."""
    write_whole(path, tomli_w.dumps(table))


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, before)


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
    *,
    resumable: bool = True,
    commands: Sequence[str] = (),
) -> None:
    """Does `work` in a run folder of its own, and writes the report that it returns.

    `name` and `table` are the config's, `words` is the command, to say how to go on, where the run
    is `resumable`. `commands`: what may be asked of it when it has ended (`to_open`).
    """
    again = shlex.join([*words, "--run-dir", str(folder), "--resume"]) if resumable else None
    with open_run(folder, table, resume=resume, again=again), terminable():
        Signals.farewell = f"Resume with: {again}" if again else ""
        _unsaid[:] = [f"continue it with: {again}"] if again else []
        say(f"run folder {folder}")
        try:
            report = work()
            write_report(folder, report, name=name, experiment=table["experiment"], command=words)
            write_run_page(folder)
            say(to_open(folder, commands))
        except (Exception, KeyboardInterrupt) as error:
            error = _explain(error, folder)
            code = getattr(error, "code", 130 if isinstance(error, KeyboardInterrupt) else 1)
            goes_on = code > 128 or code in (3, 7, 8)
            if again and goes_on and not isinstance(error, FolderLostError):
                say(f"resume with: {again}")
            raise error from None


_unsaid: list[str] = []


def say_continuation() -> None:
    """Says, once, how the run goes on after a kill; to be called when its config has been tried."""
    while _unsaid:
        say(_unsaid.pop())


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
