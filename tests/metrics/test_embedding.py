"""The deviation of an embedding against NumPy, and at its two ends."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.metrics.embedding import deviation

Z = np.random.default_rng(0).normal(size=(64, 16)) + 0.5


def test_it_is_numpys_over_the_rows_of_all_devices():
    unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    want = unit.std(axis=0).mean() * np.sqrt(16)
    np.testing.assert_allclose(deviation(jnp.asarray(Z, jnp.float32)), want, rtol=1e-5)
    parts = jnp.asarray(Z, jnp.float32).reshape(8, 8, 16)
    found = jax.vmap(lambda z: deviation(z, axis_name="device"), axis_name="device")(parts)
    np.testing.assert_allclose(found, np.full(8, want), rtol=1e-5)


def test_it_is_one_for_all_directions_and_zero_for_one():
    everywhere = np.random.default_rng(1).normal(size=(4096, 16))
    assert abs(float(deviation(jnp.asarray(everywhere, jnp.float32))) - 1) < 0.02
    lengths = np.linspace(1, 5, 64)[:, None]
    assert float(deviation(jnp.asarray(lengths * Z[:1], jnp.float32))) < 1e-5
