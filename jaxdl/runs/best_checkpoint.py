"""The best state of a run by one number of its evaluations, and how long it has been the best."""

import math
import warnings
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.runs.agreement import plain_of_first, state_of_first
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.processes import is_first
from jaxdl.typing import Numbers, Tree


class BestCheckpoint:
    """Keeps the state with the best `name` (val_accuracy, val_loss, ...; none where it is empty).

    `step` is the step of the best evaluation so far, `since` the number of evaluations after it.
    """

    def __init__(self, folder: Path, name: str, *, fresh: bool, config: Any = None) -> None:
        self.name = name
        self.kept = Checkpoints(folder, keep=0, fresh=fresh, config=config)
        self.value: float | None = None
        self.step: int | None = None
        self.since = 0

    def note(self, row: Numbers) -> bool:
        """Whether the evaluation in `row`, if there is one, is the best so far."""
        if not self.name or not any(key.startswith("val_") for key in row):
            return False
        if self.name not in row:
            known = ", ".join(key for key in row if key.startswith("val_"))
            raise UsageError(
                f"loop.best: no number {self.name!r} in the evaluation; it has {known}"
            )
        smaller = "loss" in self.name or "error" in self.name
        value = -row[self.name] if smaller else row[self.name]
        self.since += 1
        if math.isnan(value) or (self.value is not None and value <= self.value):
            return False
        self.value, self.step, self.since = value, int(row["step"]), 0
        return True

    def resume(self, rows: list[Numbers], step: int) -> None:
        """Takes up a run that goes on from `step`, where `rows` were written."""
        if not self.name:
            return
        for row in rows:
            self.note(row)
        if is_first():
            self._take_up(step)
        self.value, self.step, self.since = plain_of_first((self.value, self.step, self.since))

    def _take_up(self, step: int) -> None:
        self.kept.clean()
        self.kept.move_aside_after(step)
        if self.step is not None and self.step not in self.kept.steps():
            warnings.warn(
                f"the best state, of step {self.step}, is no longer in {self.kept.folder}; "
                "the best one from here on is kept",
                RuntimeWarning,
                stacklevel=2,
            )
            self.value = self.step = None

    def save(self, state: Tree) -> None:
        """Saves the state of the best evaluation, which has just been made."""
        assert self.step is not None, "save follows a note that was the best"
        if is_first():
            self.kept.save(self.step, state, {})

    def drop_needless(self, resumable: list[int]) -> None:
        """Deletes what no run that resumes at one of these steps would call its best."""
        steps = self.kept.steps()
        needed = {max((s for s in steps if s <= at), default=None) for at in resumable}
        self.kept.drop(s for s in steps[:-1] if s not in needed)

    def restore(self, like: Tree) -> Tree:
        """The best state; `like` where no evaluation has been noted."""
        if self.step is None:
            return like
        return state_of_first(self.kept.restore(like, self.step)[0] if is_first() else like)
