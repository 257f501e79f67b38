"""Both sides in float64, where rounding does not decide what a ReLU lets through."""

from collections.abc import Sequence

import jax
import torch

from jaxdl.interop.compare.sides import OurSide, TorchSide, norm_of, one_device, widen
from jaxdl.training.state import TrainState
from jaxdl.training.step import make_train_step
from jaxdl.typing import Batch, Key


def apart_in_float64(
    ours: OurSide, start: TrainState, theirs: TorchSide, batches: Sequence[Batch]
) -> float:
    """The largest difference of a parameter after a step on each of the prepared `batches`.

    `start` is our state before them; `theirs` stands there, too, and is trained in place.
    """
    task = ours.task
    assert task.loss_fn is not None, "the task of a model has one"
    assert task.tx is not None, "and an optimiser"
    step = one_device(make_train_step(task.loss_fn, task.tx, _as_it_is))
    theirs.module.to(torch.float64)
    with jax.enable_x64(True):
        run, state = jax.jit(step), widen(start)
        for number, batch in enumerate(batches):
            wide = widen(batch)
            state, _ = run(state, wide)
            theirs.trainer.step(wide, number, ours.rate(number))
        mine = theirs.twin.arrays(jax.device_get({"params": state.params, **state.extra}))
    other = theirs.parameters()
    return max(norm_of(mine[name] - value) for name, value in other.items())


def _as_it_is(keys: Key, batch: Batch, train: bool) -> Batch:
    return batch
