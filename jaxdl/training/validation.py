"""The evaluations of a run on its val split: numbers join their row, the best state is kept."""

import time

from jaxdl.runs.agreement import plain_of_first
from jaxdl.runs.best_checkpoint import BestCheckpoint
from jaxdl.runs.metrics_log import MetricsLog
from jaxdl.runs.progress import Progress
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task

PICTURE_SECONDS = 30.0  # between the pictures of evaluations


class Validation:
    """Evaluates `task` as it trains."""

    def __init__(self, task: Task, log: MetricsLog, progress: Progress, best: BestCheckpoint):
        self.task, self.log, self.progress, self.best = task, log, progress, best
        self.pictured = -PICTURE_SECONDS

    def evaluate(self, step: int, state: TrainState) -> None:
        """Evaluates the state after `step` steps, whose row is the last of the log."""
        self.progress.say("evaluating")
        state = self.task.refresh(state)
        now, folder = time.perf_counter(), None
        if now - self.pictured >= PICTURE_SECONDS:  # drawing takes longer than small sets' epochs
            folder, self.pictured = self.log.dir / "pictures" / f"{step:08d}", now
        measured = self.task.measure(state, self.task.splits["val"], folder)
        measured = plain_of_first(measured)  # what is decided by it is the same in all processes
        numbers = {f"val_{name}": value for name, value in measured.items()}
        row = self.log.join(numbers)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        self.progress.say(shown, f"step {step}")
        if self.best.note(row):
            self.best.save(state)
