"""How long a run is and what happens when, worked out before anything compiles."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxdl.checks import UsageError, check_one_of
from jaxdl.say import say_once


@dataclass(frozen=True)
class LoopConfig:
    """How long to train, and what happens on the way; counts are steps."""

    one_of: ClassVar[tuple[tuple[str, str], ...]] = (("steps", "epochs"),)

    steps: int | None = None
    """Length of the run in steps."""
    epochs: int | None = None
    """Length of the run in passes over the training split."""
    log_every: int | None = None
    """Steps a row of metrics.jsonl covers (default: an epoch, at most 500)."""
    eval_every: int | None = None
    """Steps between evaluations on the val split (default: an epoch, where there is one), as
    save_every rounded up to a multiple of log_every."""
    save_every: int | None = None
    """Steps between checkpoints (default: a tenth of the run)."""
    best: str = ""
    """Keep and report the best state by this number: val_accuracy, val_loss, ..."""
    patience: int = 0
    """Stop after so many evaluations without a new best (0: never)."""
    on_nan: str = "stop"
    """stop or skip, where a loss or gradient is not finite."""
    parallel: str = "auto"
    """auto (pmap where there are several devices), pmap, shard_map, or fsdp (divides the state)."""

    remat: bool = False
    """Keep only the inputs of a deep model's blocks for the gradient, and compute the rest again:
    less memory on an accelerator, about a third more work."""

    tensorboard_histograms: bool = False
    """For TensorBoard: the model's layers, training images, and at each checkpoint all weights."""

    devices: int | None = None
    """Train on so many of the devices (default: all)."""

    def __post_init__(self) -> None:
        for name in ("steps", "epochs", "log_every", "eval_every", "save_every", "devices"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"loop.{name} must be at least 1, got {value}")
        check_one_of("loop.on_nan", self.on_nan, ("stop", "skip"))
        if self.patience and not self.best:
            raise UsageError("loop.patience needs loop.best, the number that must get better")


@dataclass(frozen=True)
class Intervals:
    """A LoopConfig with every default worked out for a split."""

    steps: int
    log_every: int
    eval_every: int
    save_every: int


def total_steps(loop: LoopConfig, steps_per_epoch: int) -> int:
    """The length of the run in steps. Raises UsageError where the config gives none."""
    if loop.steps is not None:
        return loop.steps
    if loop.epochs is None:
        raise UsageError("loop: give steps or epochs")
    return loop.epochs * steps_per_epoch


def make_plan(loop: LoopConfig, steps_per_epoch: int, has_val: bool) -> Intervals:
    """Every interval in steps. Raises UsageError where they need a val split and there is none."""
    steps = total_steps(loop, steps_per_epoch)
    given = [n for n in (loop.eval_every, loop.save_every) if n]
    log = loop.log_every or min(steps_per_epoch, 500, math.gcd(*given) if given else 500)
    tenth = max(math.ceil(steps / 10 / log), 1) * log
    epoch = max(round(steps_per_epoch / log), 1) * log
    evals = _whole("eval_every", loop.eval_every, log) or epoch
    saves = _whole("save_every", loop.save_every, log) or tenth
    plan = Intervals(steps, log, evals * has_val, saves)
    if loop.eval_every and not has_val:
        raise UsageError("loop.eval_every needs a val split; set data.val to its number of rows")
    if loop.best and not has_val:
        raise UsageError("loop.best needs a val split; set data.val to its number of rows")
    return plan


def _whole(name: str, given: int | None, log: int) -> int:
    """`given` as a multiple of the steps of a row of the log, which is said; 0 for none."""
    whole = math.ceil((given or 0) / log) * log
    if given and whole != given:
        say_once(f"loop.{name}: every {whole} steps, not {given}: a multiple of log_every ({log})")
    return whole
