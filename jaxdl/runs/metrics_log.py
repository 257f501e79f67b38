"""The files that a run leaves as it goes: metrics.jsonl, TensorBoard events, a bad step's batch."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.plain_file import read_plain, write_whole
from jaxdl.runs.environment import write_environment
from jaxdl.runs.lock import check_held
from jaxdl.runs.loggers.log import send_row
from jaxdl.runs.tensorboard import EventFile
from jaxdl.typing import Batch, Numbers

MOST = 2_000_000_000  # bytes of a metrics.jsonl
BESIDE_METRICS = ("step", "seconds", "examples_per_second", "lr", "grad_norm", "skipped")


def read_rows(path: Path) -> list[Numbers]:
    """The rows of a metrics.jsonl; a line that is damaged, as the last one may be, is left out."""
    rows = []
    if path.exists():
        for line in read_plain(path, most=MOST).splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                rows.append(row)
    return rows


def tag(name: str) -> str:
    """What a number of a row is called in TensorBoard, which groups by what stands before "/".

    `loss/train` and `loss/val` stand side by side; what is no metric has its name alone.
    """
    if name in BESIDE_METRICS:
        return name
    return f"{name.removeprefix('val_')}/{'val' if name.startswith('val_') else 'train'}"


class MetricsLog:
    """Writes the rows of a run in `folder`. They reach the file with the next one, or `flush`.

    A row waits so that an evaluation of its step can join it.
    """

    def __init__(self, folder: Path) -> None:
        self.dir, self.path = folder, folder / "metrics.jsonl"
        self.rows: list[Numbers] = []
        self.written = 0
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

    def start(self, step: int) -> None:
        """Keeps the rows up to `step` (a resumed run writes the later ones again)."""
        self.rows = [row for row in read_rows(self.path) if row["step"] <= step]
        with self._writing():
            write_whole(self.path, _lines(self.rows))
            write_environment(self.dir)
            self.events = EventFile(self.dir / "events", first=step + 1)
        self.written = len(self.rows)

    def add(self, step: int, numbers: Numbers) -> None:
        """A row for the steps since the last one."""
        self.flush()
        self.rows.append({"step": step, **numbers})

    def join(self, numbers: Numbers) -> Numbers:
        """Adds an evaluation's numbers to the last row, which is that of its step."""
        self.rows[-1] |= numbers
        return self.rows[-1]

    def last_row(self) -> Numbers:
        """The last row, empty where there is none yet."""
        return self.rows[-1] if self.rows else {}

    def flush(self) -> None:
        """Writes the rows that are finished, each line whole."""
        fresh = self.rows[self.written :]
        if not fresh:
            return
        with self._writing():
            with self.path.open("a") as file:
                file.write(_lines(fresh))
                file.flush()
                os.fsync(file.fileno())
            self.written = len(self.rows)
            for row in fresh if self.events is not None else []:
                finite = {k: v for k, v in row.items() if k != "step" and np.isfinite(v)}
                tagged = {tag(k): v for k, v in finite.items()}
                self.events.add(int(row["step"]), tagged)
                send_row(self.dir, int(row["step"]), tagged)

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

    @contextmanager
    def _writing(self) -> Iterator[None]:
        check_held(self.dir)
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"{error.filename or self.dir} cannot be written ({error.strerror}); what was "
                "saved before stands"
            ) from error


def _lines(rows: list[Numbers]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
