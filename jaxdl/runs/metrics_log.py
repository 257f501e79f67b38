"""What a run leaves as it goes: metrics.jsonl, TensorBoard events, and the progress line."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.runs.environment import write_environment
from jaxdl.runs.tensorboard import EventFile
from jaxdl.typing import Batch, Numbers


def read_rows(path: Path) -> list[Numbers]:
    """The rows of a metrics.jsonl; a line that is damaged, as the last one may be, is left out."""
    rows = []
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                rows.append(row)
    return rows


class MetricsLog:
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
        self.events: EventFile | None = None

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(error, CheckpointError):  # the disk that refused is not asked again
                self.flush()
        finally:
            if self.events is not None:
                self.events.close()
            if self.tty:
                self._print("\n")

    def start(self, step: int) -> None:
        """Keeps the rows up to `step` (a resumed run writes the later ones again)."""
        self.rows = [row for row in read_rows(self.path) if row["step"] <= step]
        part = self.path.with_suffix(".part")
        with self._writing():
            part.unlink(missing_ok=True)
            self._append(part, self.rows)
            part.replace(self.path)
            write_environment(self.dir)
            self.events = EventFile(self.dir / "events", first=step + 1)
        self.written = len(self.rows)

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
        with self._writing():
            self._append(self.path, fresh)
            self.written = len(self.rows)
            for row in fresh if self.events is not None else []:
                finite = {k: v for k, v in row.items() if k != "step" and np.isfinite(v)}
                self.events.add(int(row["step"]), finite)

    def progress(self, step: int, count: int, seconds: float) -> None:
        """Counts examples and time; moves the progress line, often on a terminal."""
        self.examples += count * self.batch_size
        self.busy += seconds
        if time.monotonic() - self.last > (0.5 if self.tty else 30):
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
            room = _columns() - 1
            self._print("\r" + line[:room].ljust(min(self.width, room)))
            self.width = len(line[:room])
        else:
            self._print(line + "\n")
        self.last = time.monotonic()

    def _print(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # whoever read it is gone; the run goes on
            self.tty = False

    def inspect(self, write: Callable[[EventFile], None]) -> None:
        """Lets `write` add more than numbers to TensorBoard's events."""
        if self.events is not None:
            with self._writing():
                write(self.events)

    def debug_batch(self, step: int, batch: Batch) -> Path:
        """Saves the batch of a bad step for a look at it."""
        folder = self.dir / "debug"
        path = folder / f"step_{step}.npz"
        with self._writing():
            folder.mkdir(exist_ok=True)
            np.savez(path, **{k: np.asarray(v) for k, v in batch.items()})  # pyright: ignore
        return path

    @staticmethod
    def _append(path: Path, rows: list[Numbers]) -> None:
        with path.open("a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"{error.filename or self.dir} cannot be written ({error.strerror}); what was "
                "saved before stands"
            ) from error


def _columns() -> int:
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 2)
    except (OSError, ValueError):
        return 80
