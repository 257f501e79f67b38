"""Evaluation: every row of a split exactly once, in one program, the last batch padded."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxdl.checks import DivergedError
from jaxdl.data.splits.split import Split
from jaxdl.training.state import TrainState
from jaxdl.typing import AXIS, Batch, Host, Prepare

RowFn = Callable[[Any, Batch], dict[str, Any]]  # (variables, prepared batch) -> name -> (B, ...)


class RowEvaluator:
    """Applies `row_fn(variables, batch)` to every row of a split.

    `batch` is prepared without augmentation. What is on the device stays there between calls; a
    batch that divides over the devices of the state is shared among them.
    """

    def __init__(self, row_fn: RowFn, prepare: Prepare, *, batch_size: int = 256, most: int = 64):
        self.row_fn, self.prepare = row_fn, prepare
        self.batch_size, self.most = batch_size, most
        self.placed: dict[int, Any] = {}
        self.program = jax.jit(self._pieces, static_argnames="gather")

    def __call__(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Name -> `(size, ...)`, rows in the order of the split.

        Raises DivergedError, naming the row, where an output is NaN.
        """
        sharding = _row_sharding(state)
        if id(split) not in self.placed:
            self.placed[id(split)] = jax.device_put(split.resident())
        pieces = []
        for feed, mask in split.once(self.batch_size, self.most):
            shared = sharding is not None and mask.shape[1] % sharding.mesh.size == 0
            feed = jax.device_put(feed, sharding) if shared else feed
            out = self.program(state.variables, self.placed[id(split)], feed, gather=split.gather)
            done = sum(len(next(iter(piece.values()))) for piece in pieces)
            pieces.append({name: np.asarray(value)[mask] for name, value in out.items()})
            check_outputs(pieces[-1], done, split.name)
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def _pieces(self, variables: Any, resident: Any, feed: Any, gather: Any) -> Any:
        def one(item: Any) -> Any:
            batch = gather(resident, item)
            rows = jax.tree.leaves(item)[0].shape[0]
            keys = jax.vmap(jax.random.key)(
                jnp.zeros(rows, jnp.uint32)
            )  # not used without augmentation
            return self.row_fn(variables, self.prepare(keys, batch, train=False))

        return jax.lax.map(one, feed)


def check_outputs(rows: dict[str, Host], first: int, split: str) -> None:
    """Raises DivergedError where an output of the rows `first` on is NaN."""
    for name, value in rows.items():
        if value.dtype.kind == "f" and np.isnan(value).any():
            place = first + int(np.argwhere(np.isnan(value))[0][0])
            raise DivergedError(
                f"evaluation of split {split!r}: {name} of row {place} is NaN, though the model's "
                "parameters are finite; lower optim.lr or set optim.clip_norm"
            )


def _row_sharding(state: TrainState) -> NamedSharding | None:
    sharding = jax.tree.leaves(state.params)[0].sharding if jax.tree.leaves(state.params) else None
    if not isinstance(sharding, NamedSharding) or AXIS not in sharding.mesh.axis_names:
        return None
    return NamedSharding(sharding.mesh, P(None, sharding.mesh.axis_names))
