"""Everything that training changes, as arrays: a checkpoint is the state."""

from typing import Any

from flax import struct

from jaxdl.typing import Array, Key, Tree


class TrainState(struct.PyTreeNode):
    """What one step takes and gives back. Absent parts are empty dictionaries.

    `extra`: float collections that are averaged over devices (batch statistics).
    `local`: never averaged; leading axis the global batch, sharded (carried hidden states,
    environments).
    `hyper`: numbers that a sweep may vary, written into `opt_state.hyperparams` at each step.
    `ema`: averaged parameters, used in evaluation where they are kept.
    """

    step: Array
    params: Tree
    opt_state: Tree
    key: Key
    extra: Tree = struct.field(default_factory=dict)
    local: Tree = struct.field(default_factory=dict)
    hyper: Tree = struct.field(default_factory=dict)
    ema: Tree = struct.field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        """What `model.apply` takes: the averaged parameters where there are any."""
        return {"params": self.ema or self.params, **self.extra}
