"""A step whose loss or gradient is not finite, where the run is to stop: what is kept and said."""

from collections.abc import Callable
from typing import Any

from jaxdl.checks import DivergedError
from jaxdl.data.splits.split import Split
from jaxdl.metrics.accumulate import finish
from jaxdl.runs.metrics_log import MetricsLog
from jaxdl.training.task import Task


def divergence_error(
    task: Task, sums: Any, log: MetricsLog, save: Callable[[], None]
) -> DivergedError:
    """Keeps what there is to look at, and gives the error that says so.

    `sums` are those of the chunk that met the step, on the host; `save()` saves the state before
    it, and raises DivergedError where that is not finite either. The batch goes to `log`'s folder.
    """
    step = int(sums["bad_step"])
    log.flush()
    try:
        save()
        kept = "the state before it is saved"
    except DivergedError as error:
        kept = str(error)
    numbers = finish(sums["bad_pairs"])
    if task.rate is not None:
        numbers["learning rate"] = task.rate(step)
    shown = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
    cause = task.suspect(numbers)
    if cause:
        return DivergedError(f"{cause} at step {step} ({shown}); {kept}")
    return DivergedError(
        f"the loss or a gradient is not finite at step {step} ({shown}); {kept}. "
        f"Its batch ({save_batch(task.splits['train'], step, log)}; lower optim.lr, set "
        "optim.clip_norm, or loop.on_nan=skip"
    )


def save_batch(split: Split, step: int, log: MetricsLog) -> str:
    """Saves the rows of a step, and says which they are and where they went."""
    rows = split.rows(step, step + 1)[0]
    path = log.debug_batch(step, {**split.batch(rows), "rows": rows})
    return f"rows {', '.join(map(str, rows[:8]))}{', ...' * (len(rows) > 8)}) is in {path}"
