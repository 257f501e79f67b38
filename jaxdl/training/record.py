"""The run folder: its lock, metrics.jsonl, TensorBoard events, and the progress line."""

import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from jaxdl.checks import RunBusyError, UsageError
from jaxdl.training.environment import write_environment
from jaxdl.typing import Batch, Numbers


class Lock:
    """One writer a run folder: an advisory lock that dies with its process, and who holds it."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.path = folder / "lock"
        self.file = self.path.open("a+")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.seek(0)
            holder = self.file.read().strip() or "another process"
            self.file.close()
            raise RunBusyError(
                f"run folder {folder} is in use by {holder}; wait, or choose another --run-dir"
            ) from None
        self.file.truncate(0)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        self.file.write(f"pid {os.getpid()} on {socket.gethostname()} since {started}\n")
        self.file.flush()

    def release(self) -> None:
        """Gives the folder back."""
        self.path.unlink(missing_ok=True)
        self.file.close()


def make_folder(folder: Path) -> None:
    """Creates `folder`. Raises UsageError, before any work, where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"run folder {folder} cannot be written by uid {os.getuid()} ({error.strerror}); "
            "choose another with --run-dir"
        ) from None


def read_rows(path: Path) -> list[Numbers]:
    """The rows of a metrics.jsonl; a last line that was cut short is left out."""
    rows = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows


class Record:
    """Writes what happens in a run. Rows reach the file when the next one, or `flush`, comes.

    A row waits so that an evaluation of its step can join it.
    """

    def __init__(self, folder: Path, steps: int, batch_size: int) -> None:
        self.dir, self.total, self.batch_size = folder, steps, batch_size
        self.path = folder / "metrics.jsonl"
        self.rows: list[Numbers] = []
        self.written = 0
        self.examples, self.busy = 0.0, 0.0
        self.last, self.tty, self.width = 0.0, sys.stderr.isatty(), 0
        self.events: Any = None

    def __enter__(self) -> "Record":
        self.lock = Lock(self.dir)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()
        if self.events is not None:
            self.events.close()
        if self.tty:
            print(file=sys.stderr)
        self.lock.release()

    def start(self, step: int) -> None:
        """Keeps the rows up to `step` (a resumed run writes the later ones again)."""
        self.rows = [row for row in read_rows(self.path) if row["step"] <= step]
        part = self.path.with_suffix(".part")
        part.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        part.replace(self.path)
        self.written = len(self.rows)
        write_environment(self.dir)
        from tensorboardX import SummaryWriter

        self.events = SummaryWriter(str(self.dir / "events"), purge_step=step)

    def add(self, step: int, numbers: Numbers, seconds: float) -> None:
        """A row of the metrics of the steps since the last row."""
        self.flush()
        rate = self.rate()
        self.rows.append(
            {"step": step, **numbers, "seconds": round(seconds, 3), "examples_per_second": rate}
        )
        self.show(step, numbers.get("loss"))

    def join(self, step: int, numbers: Numbers) -> Numbers:
        """Adds an evaluation's numbers to the row of its step."""
        self.rows[-1] |= numbers
        self.say("  ".join(f"{k} {v:.4g}" for k, v in numbers.items()), f"step {step}")
        return self.rows[-1]

    def flush(self) -> None:
        """Writes the rows that are finished, each line whole."""
        fresh = self.rows[self.written :]
        if not fresh:
            return
        with self.path.open("a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in fresh))
            file.flush()
            os.fsync(file.fileno())
        self.written = len(self.rows)
        for row in fresh:
            for name, value in row.items():
                if name != "step" and np.isfinite(value):
                    self.events.add_scalar(name, value, int(row["step"]))

    def progress(self, step: int, count: int, seconds: float) -> None:
        """Counts examples and time; moves the progress line on a terminal."""
        self.examples += count * self.batch_size
        self.busy += seconds
        if self.tty and time.monotonic() - self.last > 0.5:
            self.show(step, self.rows[-1].get("loss") if self.rows else None)

    def rate(self) -> float:
        """Examples a second so far, in this process."""
        return round(self.examples / self.busy, 1) if self.busy else 0.0

    def show(self, step: int, loss: float | None) -> None:
        """The progress line: step, rate, time left, loss."""
        rate = self.rate()
        left = (self.total - step) * self.batch_size / rate if rate else 0.0
        shown = "" if loss is None else f"  loss {loss:.4f}"
        due = self.tty or time.monotonic() - self.last > 5 or step == self.total
        if due:
            self.say(
                f"{rate:,.0f} examples/s  {left:.0f} s left{shown}", f"step {step}/{self.total}"
            )

    def say(self, text: str, who: str = "") -> None:
        """One line of progress: rewritten in place on a terminal, else a plain line."""
        line = f"{who}  {text}".strip()
        if self.tty:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            line = line[: columns - 1]
            print("\r" + line.ljust(self.width), end="", file=sys.stderr, flush=True)
            self.width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)
        self.last = time.monotonic()

    def debug_batch(self, step: int, batch: Batch) -> Path:
        """Saves the batch of a bad step for a look at it."""
        folder = self.dir / "debug"
        folder.mkdir(exist_ok=True)
        path = folder / f"step_{step}.npz"
        np.savez(path, **{k: np.asarray(v) for k, v in batch.items()})  # pyright: ignore
        return path
