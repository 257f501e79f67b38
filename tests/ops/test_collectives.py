"""Sums over devices: those of NumPy, in one exchange, none for one device."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxdl.ops.collectives import first_row, gather_rows, pmean_tree, psum_tree

RNG = np.random.default_rng(0)
TREE = {
    "a": RNG.normal(size=(8, 3, 2)).astype(np.float32),
    "b": [RNG.normal(size=(8,)).astype(np.float32), RNG.integers(0, 9, (8, 4)).astype(np.int32)],
}


def on_devices(function, count):
    mesh = Mesh(np.array(jax.devices()[:count]), ("device",))
    one = lambda tree: function(jax.tree.map(lambda x: x[0], tree), "device")  # noqa: E731
    return jax.jit(
        jax.shard_map(one, mesh=mesh, in_specs=P("device"), out_specs=P(), check_vma=False)
    )


@pytest.mark.parametrize(("function", "want"), [(psum_tree, np.sum), (pmean_tree, np.mean)])
def test_numpys_over_eight_devices(function, want):
    got = on_devices(function, 8)(TREE)
    for ours, rows in zip(jax.tree.leaves(got), jax.tree.leaves(TREE), strict=True):
        np.testing.assert_allclose(ours, want(rows.astype(float), axis=0), rtol=1e-5, atol=1e-6)
        assert ours.shape == rows.shape[1:]


def test_an_exchange_a_dtype_and_none_for_one_device():
    text = on_devices(psum_tree, 8).lower(TREE).as_text()
    assert text.count("all_reduce") == 2  # floats, integers
    assert "all_reduce" not in on_devices(psum_tree, 1).lower(TREE).as_text()
    tree = {"x": np.ones(2)}
    assert psum_tree(tree, None) is tree is pmean_tree(tree, None)


def test_gathered_rows_keep_the_order_of_the_devices():
    rows = np.arange(24.0, dtype=np.float32).reshape(8, 1, 3)
    np.testing.assert_array_equal(on_devices(gather_rows, 8)(rows), rows[:, 0])
    assert "all_gather" not in on_devices(gather_rows, 1).lower(rows).as_text()
    assert gather_rows(rows, None) is rows


def test_the_first_row_of_a_device_is_where_its_rows_begin():
    own = lambda rows, axis: gather_rows(rows, axis)[first_row(rows, axis)][None] - rows[:1]  # noqa: E731
    rows = np.arange(48.0, dtype=np.float32).reshape(8, 2, 3)
    mesh = Mesh(np.array(jax.devices()[:8]), ("device",))
    call = lambda x: own(x[0], "device")  # noqa: E731
    got = jax.shard_map(call, mesh=mesh, in_specs=P("device"), out_specs=P("device"))(rows)
    np.testing.assert_array_equal(got, np.zeros((8, 3)))
    assert first_row(rows, None) == 0
