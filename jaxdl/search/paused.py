"""Trainings that a signal stopped under way: their states are kept, and taken up again."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaxdl.checks import DivergedError
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.lock import check_held
from jaxdl.runs.manifest import CheckpointCorruptError
from jaxdl.runs.signals import Signals
from jaxdl.training.loop import Stopped
from jaxdl.training.state import TrainState

SUMS = ("pairs", "bad", "bad_step")  # what a training's end is told from
Course = tuple[TrainState, Any, int]  # state, sums of the open interval, step


class PausedTrials:
    """A folder with a checkpoint for each group of trainings that a signal stopped.

    While it is open, signals are wishes: `signum` is the one that came, or None. A group is found
    again by what its trainings are (`who`: plain values).
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.lock, self.kept = threading.Lock(), 0
        self.signals: Signals | None = None

    def __enter__(self) -> "PausedTrials":
        self.signals = Signals(self.say).__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.signals:
            self.signals.__exit__(*error)

    @property
    def signum(self) -> int | None:
        """The signal that asks for the end."""
        return self.signals and self.signals.signum

    def save(self, who: Sequence[Any], state: TrainState, sums: Any, step: int) -> None:
        """Keeps a group at `step`. One that holds a NaN is not kept and will begin anew."""
        tree = {"state": state, "sums": {name: sums[name] for name in SUMS}}
        with self.lock:
            try:
                self._checkpoints(who).save(step, tree, {})
                self.kept += 1
            except DivergedError as error:
                self.say(f"a training under way is not saved: {error}")

    def take_up(self, who: Sequence[Any], state: TrainState, sums: Any) -> Course | None:
        """Where the group was stopped, or None; its numbers of `hyper` are those of `state`."""
        like = {"state": state, "sums": {name: sums[name] for name in SUMS}}
        with self.lock:
            checkpoints = self._checkpoints(who)
            if not checkpoints.steps():
                return None
            try:
                tree, step, _ = checkpoints.restore(like)
            except CheckpointCorruptError as error:
                self.say(f"{error}; these trainings begin anew")
                return None
        self.say(f"resumed at step {step}")
        return tree["state"].replace(hyper=state.hyper), {**sums, **tree["sums"]}, step

    def settle(self) -> None:
        """Raises Stopped where a signal came. Nothing stays where all have ended."""
        if not self.kept and self.folder.exists():
            check_held(self.folder)
            shutil.rmtree(self.folder)
            with suppress(OSError):  # another program's are still there
                self.folder.parent.rmdir()
        if self.signum:
            raise Stopped(self.signum, f"saved: all that had ended, and {self.kept} under way")

    def _checkpoints(self, who: Sequence[Any]) -> Checkpoints:
        return Checkpoints(self.folder / content_name(who), keep=1)


def content_name(value: Any) -> str:
    """A folder's name by a plain value."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
