"""One program for one device, run on all of them: by `jax.pmap`, or by `jit` of `jax.shard_map`.

Outside, a state is always the global one, on the devices of this process. Inside, each device has
all of it but `local`, of which it has its share, and its share of each batch. Several processes run
the same program over the devices of all, each with its rows of a batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxdl.checks import UsageError, check_one_of
from jaxdl.data.splits.split import Split
from jaxdl.runs.checkpoint import is_key
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
        several = jax.process_count() > 1
        if several and (way == "pmap" or devices is not None):
            given = "loop.parallel = pmap" if way == "pmap" else "loop.devices"
            raise UsageError(f"{given} is for one process; several train on all their devices")
        if devices is not None and devices > jax.device_count():
            raise UsageError(f"loop.devices: there are {jax.device_count()} devices, got {devices}")
        self.devices = jax.devices()[:devices]
        self.count = len(self.devices)
        self.pmap = way == "pmap" or (way == "auto" and self.count > 1 and not several)
        self.mesh = Mesh(np.array(self.devices), (AXIS,))
        self.everywhere = NamedSharding(self.mesh, P())
        self.split = NamedSharding(self.mesh, P(AXIS))
        here = [device for device in self.devices if device.process_index == jax.process_index()]
        self.here = NamedSharding(Mesh(np.array(here), (AXIS,)), P())
        self.several, self.local_count = several, len(here)

    def check_batch(self, batch_size: int) -> None:
        """Raises UsageError where the global batch does not divide over the devices."""
        if batch_size % self.count:
            low = batch_size // self.count * self.count
            near = " or ".join(str(n) for n in (low, low + self.count) if n)
            raise UsageError(
                f"data.batch_size: the global batch {batch_size} does not divide over "
                f"{self.count} devices; use {near}"
            )

    def own_part(self, split: Split) -> Split:
        """`split` with feeds of the rows that this process's devices take of each step."""
        self.check_batch(split.batch_size)
        if not self.several:
            return split
        rows = split.batch_size // self.count * self.local_count
        first = jax.process_index() * rows  # jax.devices() has the processes in order
        return split.of_columns(slice(first, first + rows))

    def place(self, state: TrainState) -> TrainState:
        """A global state (host or device) as the chunk takes it."""
        shared = self.place_all(state.replace(local={}))
        local = jax.tree.map(self._share, state.local)
        return shared.replace(local=local)

    def place_all(self, tree: Tree) -> Tree:
        """Arrays that every device has whole."""
        if self.pmap:
            return jax.tree.map(self._stack, tree)
        return jax.tree.map(lambda x: self._put(x, self.everywhere), tree)

    def place_feed(self, feed: Tree) -> Tree:
        """Host arrays `(steps, B, ...)`, each device's share of the rows of every step.

        One of several processes gives those of its `own_part` alone.
        """
        if self.pmap:
            return jax.tree.map(lambda x: jax.device_put(self._fold(x), self.split), feed)
        shared = NamedSharding(self.mesh, P(None, AXIS))
        if not self.several:
            return jax.device_put(feed, shared)
        return jax.tree.map(lambda x: jax.make_array_from_process_local_data(shared, x), feed)

    def read(self, state: TrainState) -> TrainState:
        """The global state again, for evaluation and saving."""
        if not (self.pmap or self.several):
            return state
        shared = self.read_all(state.replace(local={}))
        gather = self._gather if self.several else lambda x: x.reshape(-1, *x.shape[2:])
        return shared.replace(local=jax.tree.map(gather, state.local))

    def read_all(self, tree: Tree) -> Tree:
        """What `place_all` placed, without the copies."""
        if not (self.pmap or self.several):
            return tree
        # The first shard, not x[0], which would compile a program.
        first = jax.tree.map(lambda x: x.addressable_shards[0].data, tree)
        if self.pmap:
            first = jax.tree.map(lambda x: x.reshape(x.shape[1:]), first)
        return jax.device_put(first, self.here)

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

    def _put(self, x: Any, sharding: NamedSharding) -> Any:
        """A fresh buffer: the chunk is given it for good, the caller's own must live on."""
        if not self.several:
            return jax.device_put(own_copy(x), sharding)
        if is_key(x):
            words = self._put(jax.random.key_data(x), sharding)
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(x))
        host = np.array(x)
        return jax.make_array_from_callback(host.shape, sharding, lambda place: host[place])

    def _stack(self, x: Any) -> jax.Array:
        shards = [jax.device_put(own_copy(x)[None], device) for device in self.devices]
        shape = (self.count, *np.shape(x))
        return jax.make_array_from_single_device_arrays(shape, self.split, shards)

    def _share(self, x: Any) -> jax.Array:
        self.check_batch(np.shape(x)[0])
        if self.pmap:
            x = np.asarray(x).reshape(self.count, -1, *np.shape(x)[1:])
        return self._put(x, self.split)

    def _gather(self, x: jax.Array) -> jax.Array:
        if is_key(x):
            words = self._gather(jax.random.key_data(x))
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(x))
        return jax.device_put(multihost_utils.process_allgather(x, tiled=True), self.here)

    def _fold(self, x: Any) -> Any:
        steps, rows = x.shape[:2]
        split = np.reshape(x, (steps, self.count, rows // self.count, *x.shape[2:]))
        return np.ascontiguousarray(np.moveaxis(split, 1, 0))


def own_copy(x: Any) -> Any:
    """A buffer of its own, where `x` is on a device already."""
    return x.copy() if isinstance(x, jax.Array) else x
