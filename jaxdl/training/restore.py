"""A run that has ended, as `jaxdl show run` and `jaxdl predict` take it up again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.runs.checkpoint import Checkpoints, flatten
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task


def restore_state(folder: Path, task: Task, loop: Any) -> TrainState:
    """The best state of a run where it kept one, else the last.

    Raises CheckpointError where its model is not finite: detections and texts would not show it.
    """
    like = jax.eval_shape(task.init, jax.random.key(0))
    kept = Checkpoints(folder / "best")
    if not (loop.best and kept.steps()):
        kept = Checkpoints(folder / "checkpoints")
    state, step, _ = kept.restore(like)
    for path, value in flatten(state.variables).items():
        if np.issubdtype(value.dtype, np.inexact) and not np.isfinite(value).all():
            raise CheckpointError(
                f"checkpoint {kept.folder / str(step)}: {path} holds a NaN or an infinity, so that "
                "what the model gives means nothing; take an earlier checkpoint or train again"
            )
    return jax.device_put(state)


@dataclass(frozen=True)
class RestoredRun:
    """What an experiment's `show(run, out) -> str` is given: it draws into `out`, and returns text.

    `build` is the experiment's, `cfg` its config. The task, with its data, and the state are read
    when they are first asked for, so that a picture that needs no data does not need it at hand.
    """

    folder: Path
    build: Callable[[Any], Task]
    cfg: Any

    @cached_property
    def task(self) -> Task:
        """The task, with the data of the config."""
        return self.build(self.cfg)

    @cached_property
    def state(self) -> TrainState:
        """The state that the run ended with."""
        return restore_state(self.folder, self.task, self.cfg.loop)
