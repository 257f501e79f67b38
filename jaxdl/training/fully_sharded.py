"""A state larger than a device: each device keeps a part of every large array (FSDP, ZeRO-3).

Zhao et al. 2023, "PyTorch FSDP"; Rajbhandari et al. 2020, "ZeRO". XLA divides the program of one
device: it gathers parameters where they are used, and scatters the sums of gradients.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxdl.checks import UsageError, check_one_of
from jaxdl.training.parallel import WAYS, Parallel, own_copy
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.typing import AXIS, Tree

SHARDS = "shards"
LEAST = 1024  # elements; smaller arrays stay whole, as an exchange has a price of its own


def make_parallel(loop: LoopConfig) -> Parallel:
    """The way that `loop.parallel` names, on `loop.devices` devices."""
    check_one_of("loop.parallel", loop.parallel, (*WAYS, "fsdp"))
    if loop.parallel == "fsdp":
        return FullySharded(loop.devices)
    return Parallel(loop.parallel, loop.devices)


class FullySharded(Parallel):
    """As `Parallel`, with parameters, averages and optimizer state divided over the devices.

    Each array of at least `LEAST` elements is divided along its longest axis that the number of
    devices divides. The step sees the global batch as on one device: so do norms of `batch`
    statistics, clipping by the norm of all gradients, dropout.
    """

    def __init__(self, devices: int | None = None) -> None:
        super().__init__("shard_map", devices)
        if self.several:
            raise UsageError("loop.parallel = fsdp is for one process")
        self.mesh = Mesh(np.array(self.devices).reshape(1, -1), (AXIS, SHARDS))
        self.everywhere = NamedSharding(self.mesh, P())
        self.split = NamedSharding(self.mesh, P(SHARDS))

    def place(self, state: TrainState) -> TrainState:
        """See `Parallel.place`."""
        put = lambda x, sharding: jax.device_put(own_copy(x), sharding)  # noqa: E731
        return jax.tree.map(put, state, self.shardings(state))

    def place_feed(self, feed: Tree) -> Tree:
        """See `Parallel.place_feed`."""
        return jax.device_put(feed, NamedSharding(self.mesh, P(None, SHARDS)))

    def shardings(self, state: TrainState) -> Any:
        """Where each array of `state` lies: a NamedSharding in the place of each."""
        shared = jax.tree.map(self._sharding, state.replace(local={}))
        return shared.replace(local=jax.tree.map(lambda x: self.split, state.local))

    def bind(self, chunk: Callable[..., Any]) -> Any:
        """See `Parallel.bind`."""
        whole = jax.shard_map(
            chunk,
            mesh=self.mesh,
            in_specs=P(),
            out_specs=P(),
            axis_names={AXIS},  # of one; the other axis is XLA's
            check_vma=False,
        )

        def program(state: TrainState, *rest: Any) -> Any:
            state, sums, mark = whole(state, *rest)
            return jax.lax.with_sharding_constraint(state, self.shardings(state)), sums, mark

        return jax.jit(program, donate_argnums=(0, 1))

    def _sharding(self, x: Any) -> NamedSharding:
        fit = [size for size in x.shape if size % self.count == 0]
        if x.size < LEAST or not fit:
            return self.everywhere
        axis = x.shape.index(max(fit))
        return NamedSharding(self.mesh, P(*[None] * axis, SHARDS))
