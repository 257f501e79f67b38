"""A chunk against the same steps called one by one from Python, on rows fetched by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.parallel import Parallel
from tests.training import toys

TASK = toys.classifier(SGD(lr=0.1))
SPLIT = TASK.splits["train"]
START = jax.jit(TASK.init)(jax.random.key(0))


@pytest.fixture(scope="module")
def chunks():
    made = runner()
    made.compile(made.parallel.place(START))
    return made


def runner(parallel=None, split=SPLIT, capacity=6, **options):
    parallel = parallel or Parallel("shard_map", 1)
    return ChunkRunner(TASK.step, split, parallel, START, capacity=capacity, **options)


def run(chunks, counts, state=START, step=0):
    """The state and metrics after chunks of so many steps."""
    state, sums = chunks.parallel.place(state), chunks.fresh_sums()
    for count in counts:
        state, sums, mark = chunks.advance(state, sums, chunks.feed(step, count), count)
        step += count
        assert int(np.max(mark)) == step
    return chunks.parallel.read(state), jax.device_get(chunks.parallel.read_all(sums))


def by_hand(count):
    """`count` single steps from the start, and the sums of their metrics."""
    step = jax.jit(jax.vmap(TASK.step, (None, 0), axis_name="device", axis_size=1))
    state, added = START, []
    rows = np.concatenate([SPLIT.indices(epoch) for epoch in range(3)])
    for i in range(count):
        batch = SPLIT.batch(rows[i])
        state, pairs = step(state, {name: value[None] for name, value in batch.items()})
        state, pairs = jax.tree.map(lambda x: x[0], (state, pairs))
        added.append(pairs)
    return state, jax.tree.map(lambda *xs: np.sum(np.stack(xs), axis=0), *added)


def assert_close(got, want, tolerance=1e-6):
    for path, value in flatten(want).items():
        np.testing.assert_allclose(flatten(got)[path], value, atol=tolerance, err_msg=path)


@pytest.mark.parametrize("counts", [[6], [4, 2], [1] * 6, [5, 6]])
def test_padded_chunks_are_the_single_steps(chunks, counts):
    """Also past the end of an epoch, which has four steps."""
    state, sums = run(chunks, counts)
    want, pairs = by_hand(sum(counts))
    assert_close(state.params, want.params)
    assert int(state.step) == sum(counts)
    assert_close(sums["pairs"], pairs, 1e-3)


def test_any_cut_gives_the_same_bits(chunks):
    (whole, _), (cut, _) = run(chunks, [6]), run(chunks, [1, 3, 2])
    for path, value in flatten(whole).items():
        np.testing.assert_array_equal(flatten(cut)[path], value, err_msg=path)


@pytest.mark.parametrize("start", [0, 3, 21])
@pytest.mark.parametrize("count", [1, 6])
def test_a_feed_holds_the_rows_of_its_steps_then_zeros(chunks, start, count):
    order = np.concatenate([SPLIT.indices(epoch) for epoch in range(8)])
    got = np.asarray(chunks.feed(start, count))
    assert got.shape == (6, 16)
    np.testing.assert_array_equal(got[:count], order[start : start + count])
    assert not got[count:].any()


def test_a_feed_may_be_of_other_rows(chunks):
    other = toys.points(seed=5)
    got = np.asarray(chunks.feed(2, 2, other))
    np.testing.assert_array_equal(got[:2], other.indices(0)[2:])
    assert (got[:2] != SPLIT.indices(0)[2:]).any()


def test_one_program_serves_every_count(chunks):
    """A compiled program refuses arguments of another shape; only the feed could have one."""
    shapes = {chunks.feed(0, count).shape for count in range(1, 7)}
    assert shapes == {(6, 16)}
    for count in range(1, 7):
        assert int(run(chunks, [count])[0].step) == count


def test_a_feed_longer_than_a_chunk_is_refused(chunks):
    with pytest.raises(ValueError, match="at most 6 steps, got 7"):
        chunks.feed(0, 7)


def test_a_split_of_large_rows_bounds_the_feed():
    split = toys.points()
    split.most_steps = 2
    assert runner(split=split).capacity == 2
    assert runner(capacity=5000).capacity == 1024


@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_two_devices_take_the_steps_of_one(chunks, way):
    both = runner(Parallel(way, 2))
    both.compile(both.parallel.place(START))
    (one, _), (two, sums) = run(chunks, [5]), run(both, [5])
    assert_close(two.params, one.params, 1e-5)
    assert int(sums["bad"]) == 0


def test_trainings_side_by_side_are_those_by_themselves(chunks):
    group = chunks.side_by_side(2)
    rates = (0.1, 0.4)
    states = [START.replace(hyper={**START.hyper, "lr": jnp.float32(lr)}) for lr in rates]
    stacked = jax.tree.map(lambda *xs: jnp.stack(xs), *states)
    group.compile(stacked)
    state, sums, _ = group.advance(
        group.parallel.place(stacked), group.fresh_sums(), group.feed(0, 5), 5
    )
    for i, alone in enumerate(states):
        want, seen = run(chunks, [5], alone)
        assert_close(jax.tree.map(lambda x, i=i: x[i], state.params), want.params, 1e-5)
        assert_close(jax.tree.map(lambda x, i=i: x[i], sums["pairs"]), seen["pairs"], 1e-3)
    assert chunks.program is not group.program


@pytest.mark.parametrize(("stop", "last"), [(True, 3), (False, 5)])
def test_a_bad_step_is_marked_and_may_end_the_chunk(stop, last):
    bad = toys.poisoned(TASK, 2)
    chunks = ChunkRunner(bad.step, SPLIT, Parallel("shard_map", 1), START, capacity=5, stop=stop)
    state = chunks.parallel.place(START)
    chunks.compile(state)
    state, sums, _ = chunks.advance(state, chunks.fresh_sums(), chunks.feed(0, 5), 5)
    assert int(state.step) == last
    assert int(sums["bad_step"]) == 2
    fresh = chunks.fresh_sums(after=sums)
    assert int(fresh["bad_step"]) == 2
    assert int(fresh["bad"]) == 0
    assert int(chunks.fresh_sums()["bad_step"]) == -1
