"""A chunk of training steps as one program: gather, prepare, step and sums, inside one loop."""

import copy
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxdl.data.splits.split import Split
from jaxdl.training.compiler_options import compiler_options
from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step
from jaxdl.typing import AXIS

CHUNK_SECONDS = 2.0  # two chunks may be under way when a signal comes
CHUNK_STEPS = 1024  # bounds what one feed holds


class ChunkRunner:
    """Chunks of `step` over `split`: compile, pad, feed, advance.

    Every feed is padded to `capacity` steps (to fewer where one feed of the split holds no more),
    so that one program serves every number of steps. `state` gives shapes; `stop` is that of
    `make_chunk`.
    """

    def __init__(
        self,
        step: Step,
        split: Split,
        parallel: Parallel,
        state: TrainState,
        *,
        capacity: int = CHUNK_STEPS,
        stop: bool = False,
    ) -> None:
        self.split, self.parallel = split, parallel
        self.capacity = min(capacity, split.most_steps or CHUNK_STEPS)
        self.zero, jaxpr = zero_sums(step, split, parallel, state)
        self.options = compiler_options(jaxpr, parallel.devices[0].platform)
        self.resident = parallel.place_all(split.resident())
        self.chunk = make_chunk(step, split.gather, stop)
        self.program: Any = None
        self.compile_seconds = 0.0

    def side_by_side(self, count: int) -> "ChunkRunner":
        """The same for `count` trainings at once, which lead the axes of states and sums."""
        group = copy.copy(self)
        group.chunk = jax.vmap(self.chunk, in_axes=(0, 0, None, None, None))
        group.zero = jax.tree.map(lambda x: np.stack([x] * count), self.zero)
        group.program = None
        return group

    def compile(self, state: Any, start: int = 0) -> None:
        """Compiles for placed states like `state`; the rows are those of step `start`."""
        began = time.perf_counter()
        args = (state, self.fresh_sums(), self.resident, self.feed(start, 1), np.int32(1))
        lowered = self.parallel.bind(self.chunk).lower(*args)
        self.program = lowered.compile(compiler_options=self.options)
        self.compile_seconds = time.perf_counter() - began

    def fresh_sums(self, after: Any = None) -> Any:
        """Placed sums of nothing; the mark of a bad step in the sums `after` outlives them."""
        fresh = self.parallel.place_all(self.zero)
        return fresh if after is None else fresh | {"bad_step": jnp.copy(after["bad_step"])}

    def feed(self, start: int, count: int, split: Split | None = None) -> Any:
        """What `count` steps from `start` on need of the split, or of another fold's `split`."""
        pad = self.capacity - count
        if pad < 0:
            raise ValueError(f"feed: a chunk has at most {self.capacity} steps, got {count}")
        feed = (split or self.split).feed(start, start + count)
        if pad:
            feed = jax.tree.map(lambda x: np.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)), feed)
        return self.parallel.place_feed(feed)

    def advance(self, state: Any, sums: Any, feed: Any, count: int) -> tuple[Any, Any, Any]:
        """(state, sums, mark) after the first `count` steps of `feed`; takes both over for good.

        The mark, the number of the next step, is there when the chunk has run.
        """
        return self.program(state, sums, self.resident, feed, np.int32(count))


def steps_within(seconds_a_step: float) -> int:
    """The length of a chunk that lasts `CHUNK_SECONDS`."""
    return max(1, int(CHUNK_SECONDS / max(seconds_a_step, 1e-6)))


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


def zero_sums(
    step: Step, split: Split, parallel: Parallel, state: TrainState
) -> tuple[Any, core.ClosedJaxpr]:
    """What a fresh log interval starts from, as `step` returns it; what a step computes."""
    share = jax.eval_shape(lambda s: s, state.replace(local=_rows(state.local, parallel.count)))
    resident = {k: jax.ShapeDtypeStruct(v.shape, v.dtype) for k, v in split.resident().items()}
    feed = _rows(split.item(), parallel.local_count)

    def one(state: Any, resident: Any, item: Any) -> Any:
        return step(state, split.gather(resident, item))[1]

    # Under an axis of one device: shapes of (sum, count) pairs do not depend on the number.
    mapped = jax.vmap(one, in_axes=(None, None, None), axis_name=AXIS, axis_size=1)
    jaxpr, shapes = jax.make_jaxpr(mapped, return_shape=True)(share, resident, feed)
    pairs = jax.tree.map(lambda x: np.zeros(x.shape[1:], np.float32), shapes)
    zero = {"pairs": pairs, "bad_pairs": pairs, "bad": np.int32(0), "bad_step": np.int32(-1)}
    return zero, jaxpr


def _pair(value: Any) -> bool:
    return isinstance(value, tuple) and not hasattr(value, "_fields") and len(value) == 2


def _rows(tree: Any, parts: int) -> Any:
    shape = lambda x: jax.ShapeDtypeStruct((x.shape[0] // parts, *x.shape[1:]), x.dtype)  # noqa: E731
    return jax.tree.map(shape, tree)
