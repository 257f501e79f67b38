"""One program for one device, run on all of them: by `jax.pmap`, or by `jit` of `jax.shard_map`.

Outside, a state is always the global one. Inside, each device has all of it but `local`, of which
it has its share, and its share of each batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxdl.checks import UsageError, check_one_of
from jaxdl.training.state import TrainState
from jaxdl.typing import AXIS, Tree

WAYS = ("auto", "pmap", "shard_map")


class Parallel:
    """Places states and data on the first `devices` devices (default: all); binds chunks to them.

    A chunk is `(state, sums, resident, feed, count) -> (state, sums, mark)`; state and sums are
    donated.
    """

    def __init__(self, way: str = "auto", devices: int | None = None) -> None:
        check_one_of("loop.parallel", way, WAYS)
        if jax.config.values["jax_disable_jit"]:
            raise UsageError(
                "JAX_DISABLE_JIT: training is one compiled program; unset it, or call task.step by "
                "itself to look into a step"
            )
        if jax.process_count() > 1:
            raise UsageError(f"training on {jax.process_count()} hosts is not supported; use one")
        if devices is not None and devices > jax.device_count():
            raise UsageError(f"loop.devices: there are {jax.device_count()} devices, got {devices}")
        self.devices = jax.devices()[:devices]
        self.count = len(self.devices)
        self.pmap = way == "pmap" or (way == "auto" and self.count > 1)
        self.mesh = Mesh(np.array(self.devices), (AXIS,))
        self.everywhere = NamedSharding(self.mesh, P())
        self.split = NamedSharding(self.mesh, P(AXIS))

    def check_batch(self, batch_size: int) -> None:
        """Raises UsageError where the global batch does not divide over the devices."""
        if batch_size % self.count:
            low = batch_size // self.count * self.count
            near = " or ".join(str(n) for n in (low, low + self.count) if n)
            raise UsageError(
                f"data.batch_size: the global batch {batch_size} does not divide over "
                f"{self.count} devices; use {near}"
            )

    def place(self, state: TrainState) -> TrainState:
        """A global state (host or device) as the chunk takes it."""
        shared = self._copy(state.replace(local={}))
        local = jax.tree.map(self._share, state.local)
        return shared.replace(local=local)

    def place_all(self, tree: Tree) -> Tree:
        """Arrays that every device has whole."""
        return self._copy(tree)

    def place_feed(self, feed: Tree) -> Tree:
        """Host arrays `(steps, B, ...)`, each device's share of the rows of every step."""
        if self.pmap:
            return jax.tree.map(lambda x: jax.device_put(self._fold(x), self.split), feed)
        return jax.device_put(feed, NamedSharding(self.mesh, P(None, AXIS)))

    def read(self, state: TrainState) -> TrainState:
        """The global state again, for evaluation and saving."""
        if not self.pmap:
            return state
        shared = self.read_all(state.replace(local={}))
        local = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), state.local)
        return shared.replace(local=local)

    def read_all(self, tree: Tree) -> Tree:
        """What `place_all` placed, without the copies."""
        if not self.pmap:
            return tree
        # The first shard, not x[0], which would compile a program.
        first = jax.tree.map(lambda x: x.addressable_shards[0].data.reshape(x.shape[1:]), tree)
        return jax.device_put(first, self.everywhere)

    def bind(self, chunk: Callable[..., Any]) -> Any:
        """The compiled-when-called chunk over all devices."""
        if self.pmap:
            axes = (0, 0, 0, 0, None)
            return jax.pmap(chunk, AXIS, in_axes=axes, donate_argnums=(0, 1), devices=self.devices)
        state: Any = P(), P(), P(), P()
        state = TrainState(*state, extra=P(), local=P(AXIS), hyper=P(), ema=P(), ema_extra=P())
        bound = jax.shard_map(
            chunk,
            mesh=self.mesh,
            in_specs=(state, P(), P(), P(None, AXIS), P()),
            out_specs=(state, P(), P()),
            check_vma=False,  # with it, gradients would also be summed
        )
        return jax.jit(bound, donate_argnums=(0, 1))

    def _copy(self, tree: Tree) -> Tree:
        if not self.pmap:
            # A fresh buffer: the chunk is given it for good, the caller's own must live on.
            return jax.tree.map(lambda x: jax.device_put(_own(x), self.everywhere), tree)
        return jax.tree.map(self._stack, tree)

    def _stack(self, x: Any) -> jax.Array:
        shards = [jax.device_put(_own(x)[None], device) for device in self.devices]
        shape = (self.count, *np.shape(x))
        return jax.make_array_from_single_device_arrays(shape, self.split, shards)

    def _share(self, x: Any) -> jax.Array:
        self.check_batch(np.shape(x)[0])
        if self.pmap:
            x = np.asarray(x).reshape(self.count, -1, *np.shape(x)[1:])
        return jax.device_put(_own(x), self.split)

    def _fold(self, x: Any) -> Any:
        steps, rows = x.shape[:2]
        split = np.reshape(x, (steps, self.count, rows // self.count, *x.shape[2:]))
        return np.ascontiguousarray(np.moveaxis(split, 1, 0))


def _own(x: Any) -> Any:
    return x.copy() if isinstance(x, jax.Array) else x
