"""A chunk of training steps as one program: gather, prepare, step and sums, inside one loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState
from jaxdl.training.step import AXIS, Step
from jaxdl.training.task import Task


def make_chunk(step: Step, gather: Callable[..., Any], stop: bool) -> Callable[..., Any]:
    """A program of up to `count` steps over one feed, to be bound by `Parallel`.

    `sums` are the metrics added up since the last row, without those of steps that are not finite;
    the first of these steps is kept in `sums["bad_step"]`, its metrics in `sums["bad_pairs"]`. With
    `stop` it ends the chunk (and the next).
    """

    def chunk(state: TrainState, sums: Any, resident: Any, feed: Any, count: Any) -> Any:
        def going(carry: Any) -> Any:
            i, _, sums = carry
            return (i < count) & ((sums["bad_step"] < 0) | (not stop))

        def body(carry: Any) -> Any:
            i, state, sums = carry
            number = state.step
            batch = gather(resident, jax.tree.map(lambda x: x[i], feed))
            state, metrics = step(state, batch)
            finite = [jnp.isfinite(value) for value, _ in jax.tree.leaves(metrics, is_leaf=_pair)]
            ok = jnp.all(jnp.stack(finite))
            first = (sums["bad_step"] < 0) & ~ok
            added = jax.tree.map(lambda a, b: a + jnp.where(ok, b, 0), sums["pairs"], metrics)
            seen = jax.tree.map(
                lambda a, b: jnp.where(first, jnp.float32(b), a), sums["bad_pairs"], metrics
            )
            sums = {
                "pairs": added,
                "bad_pairs": seen,
                "bad": sums["bad"] + ~ok,
                "bad_step": jnp.where(first, number, sums["bad_step"]),
            }
            return i + 1, state, sums

        _, state, sums = jax.lax.while_loop(going, body, (jnp.int32(0), state, sums))
        return state, sums, jnp.copy(state.step)

    return chunk


def zero_sums(task: Task, parallel: Parallel, state: TrainState) -> Any:
    """What a fresh log interval starts from, of the structure that the task's step returns."""
    share = jax.eval_shape(lambda s: s, state.replace(local=_rows(state.local, parallel.count)))
    split = task.splits["train"]
    resident = {k: jax.ShapeDtypeStruct(v.shape, v.dtype) for k, v in split.resident().items()}
    feed = _rows(split.item(), parallel.count)

    def one(state: Any, resident: Any, item: Any) -> Any:
        return task.step(state, split.gather(resident, item))[1]

    # Under an axis of one device: shapes of (sum, count) pairs do not depend on the number.
    mapped = jax.vmap(one, in_axes=(None, None, None), axis_name=AXIS, axis_size=1)
    shapes = jax.eval_shape(mapped, share, resident, feed)
    pairs = jax.tree.map(lambda x: np.zeros(x.shape[1:], np.float32), shapes)
    return {"pairs": pairs, "bad_pairs": pairs, "bad": np.int32(0), "bad_step": np.int32(-1)}


def _pair(value: Any) -> bool:
    return isinstance(value, tuple) and not hasattr(value, "_fields") and len(value) == 2


def _rows(tree: Any, parts: int) -> Any:
    shape = lambda x: jax.ShapeDtypeStruct((x.shape[0] // parts, *x.shape[1:]), x.dtype)  # noqa: E731
    return jax.tree.map(shape, tree)
