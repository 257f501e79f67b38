"""Sums and counts against NumPy's average over all rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from jaxdl.metrics.accumulate import add, finish, total, weighted


def test_batches_of_unequal_size_add_up_to_the_mean():
    values = np.random.default_rng(0).normal(size=10).astype(np.float32)
    pairs = [{"loss": weighted(jnp.array(part))} for part in np.split(values, [4, 8])]
    assert finish(add(add(pairs[0], pairs[1]), pairs[2]))["loss"] == pytest.approx(
        np.mean(values, dtype=np.float64)
    )


@pytest.mark.parametrize("weights", [[1.0, 2.0, 0.0, 0.5], [True, False, False, True]])
def test_weights_are_numpys_average(weights):
    values = [3.0, 1.0, np.nan, -2.0]  # what has no weight may be anything
    got = finish({"x": weighted(jnp.array(values), jnp.array(weights))})["x"]
    kept = [(v, w) for v, w in zip(values, weights, strict=True) if w]
    assert got == pytest.approx(np.average([v for v, _ in kept], weights=[w for _, w in kept]))


def test_total_over_devices_with_unequal_counts():
    mesh = Mesh(np.array(jax.devices()[:4]), ("device",))
    rows, everywhere = PartitionSpec("device"), PartitionSpec()
    values = jnp.arange(8.0)
    mask = jnp.array([1, 1, 1, 1, 1, 0, 0, 0], bool)

    def step(values, mask):
        return total({"x": weighted(values, mask)}, "device")

    run = jax.shard_map(
        step, mesh=mesh, in_specs=(rows, rows), out_specs=everywhere, check_vma=False
    )
    assert finish(jax.jit(run)(values, mask)) == {"x": 2.0}
    assert finish(total({"x": weighted(values, mask)}, None)) == {"x": 2.0}


def test_nothing_counted_is_nan_not_an_error():
    assert np.isnan(finish({"x": weighted(jnp.ones(2), jnp.zeros(2))})["x"])


def test_names_must_agree():
    with pytest.raises(ValueError, match=r"equal names, got \['a'\] and \['b'\]"):
        add({"a": (1, 1)}, {"b": (1, 1)})
    with pytest.raises(ValueError, match=r"weights must have shape \(3,\), got \(2,\)"):
        weighted(jnp.ones(3), jnp.ones(2))
