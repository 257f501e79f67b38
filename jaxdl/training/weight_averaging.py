"""Means of the weights that training passes through, with batch statistics of their own."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.training.state import TrainState
from jaxdl.training.step import device_key, row_keys
from jaxdl.typing import AXIS, Batch, Key, LossFn, Prepare, Tree

MOST_BATCHES = 256
STATISTICS = "batch_stats"  # the collection of batch norms


def average_weights(start: int, every: int) -> Callable[[TrainState], TrainState]:
    """What a step does to the state that it has made: `ema` becomes the mean of weights.

    Stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407, algorithm 1): the mean
    counts the weights after update `start` (the first is 0) and every `every`-th one from there on.
    Until then `ema` are the weights themselves. `ema_extra` follows in the same way, until
    `batch_statistics` takes the statistics anew.
    """

    def update(state: TrainState) -> TrainState:
        after = state.step - start  # `state.step` is still the number of this update
        counted = jnp.maximum(after // every, 0).astype(jnp.float32)
        take = (after < 0) | (after % every == 0)
        share = jnp.where(take, 1 / (counted + 1), 0.0)
        averages, now = (state.ema, state.ema_extra), (state.params, state.extra)
        ema, ema_extra = jax.tree.map(lambda old, new: old + share * (new - old), averages, now)
        return state.replace(ema=ema, ema_extra=ema_extra)

    return update


def batch_statistics(
    loss_fn: LossFn, prepare: Prepare, split: Split
) -> Callable[[TrainState], TrainState]:
    """A function that gives a state the batch statistics that belong to its averaged weights.

    Each is the mean over the batches of one epoch, `MOST_BATCHES` at most, of what a layer takes
    from a batch (torch's `update_bn`). A layer blends: new = (1 - m) old + m batch; m is found as
    one minus the derivative of new by old. Where it does not, frozen, its statistics stay. States
    without `batch_stats` pass unchanged.
    """

    def seen(params: Tree, extra: Tree, batch: Batch, key: Key) -> Tree:
        keys = row_keys(key, batch)
        new = loss_fn(params, extra, prepare(keys, batch, train=True), device_key(key))[1][0]
        return new[STATISTICS]

    def mean(params: Tree, extra: Tree, key: Key, resident: Any, feed: Any) -> Tree:
        stats = extra[STATISTICS]

        def one(item: Any) -> Tree:
            number, item = item
            batch = split.gather(resident, item)
            own = jax.random.fold_in(key, number)
            blend = lambda old: seen(params, {**extra, STATISTICS: old}, batch, own)  # noqa: E731
            kept = jax.jvp(blend, (stats,), (jax.tree.map(jnp.ones_like, stats),))[1]
            start = jax.tree.map(lambda old, k: jnp.where(k < 1, 0, old), stats, kept)
            new = blend(start)
            return jax.tree.map(lambda n, k: n / jnp.where(k < 1, 1 - k, 1), new, kept)

        steps = jax.tree.leaves(feed)[0].shape[0]
        found = jax.lax.map(one, (jnp.arange(steps), feed))
        return jax.tree.map(lambda x: jnp.mean(x, axis=0), found)

    # The layers may ask for the axis of the devices: here it has one.
    program = jax.jit(jax.vmap(mean, (None, None, None, None, 0), axis_name=AXIS, axis_size=1))

    def refresh(state: TrainState) -> TrainState:
        if STATISTICS not in state.ema_extra:
            return state
        steps = min(split.steps_per_epoch, MOST_BATCHES)
        feed = jax.tree.map(lambda x: np.asarray(x)[None], split.feed(0, steps))
        key = jax.random.fold_in(state.key, 2**31 - 2)
        args = jax.device_get((state.ema, state.ema_extra)), split.resident()
        fresh = jax.tree.map(lambda x: x[0], program(*args[0], key, args[1], feed))
        return state.replace(ema_extra={**state.ema_extra, STATISTICS: fresh})

    return refresh
