"""Which trials have ended, and how: a file that a killed search goes on from."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.plain_file import read_plain
from jaxdl.runs.lock import check_held
from jaxdl.runs.run_folder import say_continuation
from jaxdl.search.space import Setting
from jaxdl.search.sweep_table import Row
from jaxdl.search.trials import TrialResult
from jaxdl.typing import Numbers


class TrialRecord:
    """trials.jsonl: a line for each training that has ended, whole or not there."""

    def __init__(self, folder: Path, folds: int, say: Callable[[str], None]) -> None:
        self.path, self.folds, self.say = folder / "trials.jsonl", folds, say
        self.lock, self.last = threading.Lock(), time.monotonic()
        self.found: dict[str, TrialResult] = {}
        self.expected = self.ended = 0
        lines = read_plain(self.path).splitlines() if self.path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue  # cut by a kill
            outcome = TrialResult(entry["numbers"], entry["bad_step"])
            self.found[_key(entry["setting"], entry["fold"])] = outcome
        if lines:
            say(f"{len(self.found)} trainings had ended before; they stand")
        say_continuation()

    def has(self, setting: Setting, fold: int) -> bool:
        """Whether this training has ended, well or not."""
        return _key(setting, fold) in self.found

    def expect(self, count: int) -> None:
        """Says how many are to come, for the progress lines."""
        self.expected, self.ended, self.began = count, 0, time.monotonic()

    def add(self, setting: Setting, fold: int, outcome: TrialResult) -> None:
        """Writes one that has just ended."""
        entry = {"setting": setting, "fold": fold, **vars(outcome)}
        with self.lock:
            check_held(self.path)
            try:
                with self.path.open("a") as file:
                    file.write(("\n" if _cut(self.path) else "") + json.dumps(entry) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise CheckpointError(f"{self.path} cannot be written ({error.strerror})") from None
            self.found[_key(setting, fold)] = outcome
            self._progress()

    def row(self, place: int, setting: Setting) -> Row:
        """What is known of a setting: means over its folds, and the deviation among them."""
        parts = [self.found[_key(setting, fold)] for fold in range(self.folds)]
        bad = [part.bad_step for part in parts if part.bad_step is not None]
        if bad:
            return Row(place, setting, {}, min(bad))
        numbers: Numbers = {}
        for name in parts[0].numbers:
            values = [part.numbers[name] for part in parts]
            numbers[name] = float(np.mean(values))
            if len(values) > 1 and name.startswith("val_"):
                numbers[f"{name}_std"] = float(np.std(values, ddof=1))
        return Row(place, setting, numbers, None)

    def _progress(self) -> None:
        self.ended += 1
        now = time.monotonic()
        if now - self.last > 5 and self.ended < self.expected:
            left = (now - self.began) / self.ended * (self.expected - self.ended)
            self.say(f"{self.ended}/{self.expected} ended, {left:.0f} s left")
            self.last = now


def _key(setting: Setting, fold: int) -> str:
    return json.dumps([setting, fold], sort_keys=True)


def _cut(path: Path) -> bool:
    """Whether the file's last line was cut by a kill."""
    data = path.read_bytes()[-1:] if path.exists() else b""
    return data not in (b"", b"\n")
