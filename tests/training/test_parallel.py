"""States and batches over devices: back as they were, and sums that NumPy has over all rows."""

import jax
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState
from jaxdl.typing import AXIS


def state_of():
    local = {"env": np.arange(8, dtype=np.float32).reshape(4, 2)}
    params = {"w": np.float32([1, 2])}
    return TrainState(np.int32(3), params, {}, np.uint32(7), local=local)  # pyright: ignore


@pytest.mark.parametrize("way", ["pmap", "shard_map"])
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_a_state_comes_back_and_each_device_has_its_share_of_rows(way, devices):
    parallel, rows = Parallel(way, devices), np.arange(24, dtype=np.float32).reshape(3, 8)

    def chunk(state, sums, resident, feed, count):
        total = jax.lax.psum((feed["x"] * resident["scale"]).sum(), AXIS)
        local = {"env": state.local["env"] + feed["x"].shape[1]}
        return state.replace(local=local), {"total": sums["total"] + total}, count

    placed = parallel.place(state_of())
    sums = parallel.place_all({"total": np.float32(1)})
    resident, feed = parallel.place_all({"scale": np.float32(2)}), parallel.place_feed({"x": rows})
    new, sums, _ = parallel.bind(chunk)(placed, sums, resident, feed, np.int32(3))
    back = parallel.read(new)
    assert float(parallel.read_all(sums)["total"]) == 1 + 2 * rows.sum()
    want = state_of().replace(local={"env": state_of().local["env"] + 8 // devices})
    jax.tree.map(np.testing.assert_array_equal, back, want)


def test_the_callers_own_arrays_outlive_a_donated_state():
    parallel, own = Parallel("shard_map", 1), jax.numpy.ones(3)
    state = state_of().replace(params={"w": own}, local={})
    chunk = lambda state, sums, resident, feed, count: (state, sums, count)  # noqa: E731
    empty = parallel.place_all({})
    parallel.bind(chunk)(parallel.place(state), empty, empty, parallel.place_feed({}), np.int32(0))
    assert own.sum() == 3


def test_auto_is_pmap_where_there_are_several_devices():
    assert Parallel("auto", 2).pmap
    assert not Parallel("auto", 1).pmap
    assert Parallel().count == jax.device_count()


def test_batches_and_devices_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"batch 10 does not divide over 4 devices; use 8 or 12"):
        Parallel("auto", 4).check_batch(10)
    with pytest.raises(UsageError, match=r"there are \d+ devices, got 999"):
        Parallel("auto", 999)
    with pytest.raises(UsageError, match=r"loop.parallel must be one of auto, pmap, shard_map"):
        Parallel("mpi")
