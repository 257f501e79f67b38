"""Everything that training changes, as arrays: a checkpoint is the state."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from jaxdl.typing import Array, Key, Tree


class TrainState(struct.PyTreeNode):
    """What one step takes and gives back. Absent parts are empty dictionaries.

    `extra`: float collections that are averaged over devices (batch statistics).
    `local`: never averaged; leading axis the global batch, sharded (carried hidden states,
    environments).
    `hyper`: numbers that a sweep may vary, written into `opt_state.hyperparams` at each step.
    `ema`, `ema_extra`: averages of `params` and `extra`, used in evaluation where they are kept.
    """

    step: Array
    params: Tree
    opt_state: Tree
    key: Key
    extra: Tree = struct.field(default_factory=dict)
    local: Tree = struct.field(default_factory=dict)
    hyper: Tree = struct.field(default_factory=dict)
    ema: Tree = struct.field(default_factory=dict)
    ema_extra: Tree = struct.field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        """What `model.apply` takes: the averages where there are any."""
        if self.ema:
            return {"params": self.ema, **self.ema_extra}
        return {"params": self.params, **self.extra}

    def start_averages(self) -> "TrainState":
        """This state with averages that start from what it has now."""
        ema, ema_extra = jax.tree.map(jnp.copy, (self.params, self.extra))
        return self.replace(ema=ema, ema_extra=ema_extra)
