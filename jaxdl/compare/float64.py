"""Both sides in float64, where rounding does not decide what a ReLU lets through."""

from collections.abc import Sequence

import jax
import torch

from jaxdl.compare.sides import JaxSide, TorchSide, norm_of, one_device, to_float64
from jaxdl.training.state import TrainState
from jaxdl.typing import Batch


def apart_in_float64(
    ours: JaxSide, start: TrainState, theirs: TorchSide, batches: Sequence[Batch]
) -> float:
    """The largest difference of a parameter after a step on each of the prepared `batches`.

    `start` is our state before them; `theirs` stands there, too, and is trained in place.
    """
    step = one_device(ours.prepared_step())
    theirs.module.to(torch.float64)
    with jax.enable_x64(True):
        run, state = jax.jit(step), to_float64(start)
        for number, batch in enumerate(batches):
            wide = to_float64(batch)
            state, _ = run(state, wide)
            theirs.trainer.step(wide, number, ours.rate(number))
        mine = theirs.twin.arrays(jax.device_get({"params": state.params, **state.extra}))
    other = theirs.parameters()
    return max(norm_of(mine[name] - value) for name, value in other.items())
