"""Dropped weights and branches: what is left, how often, and nothing in evaluation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.drop import DropConnect, DropPath


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_drop_connect_is_a_linear_layer_with_fewer_weights(rate):
    x = jnp.eye(60, dtype=jnp.float32)  # so that the output is the kernel that was used
    params = {"kernel": jnp.full((60, 50), 3.0), "bias": jnp.full(50, 7.0)}

    def apply(deterministic, seed=0):
        layer = DropConnect(50, rate, deterministic)
        rngs = {"dropout": jax.random.key(seed)}
        return np.asarray(layer.apply({"params": params}, x, rngs=rngs))

    np.testing.assert_allclose(apply(True), 10.0)
    used = apply(False) - 7
    np.testing.assert_allclose(np.unique(used), [0, 3 / (1 - rate)], rtol=1e-6)
    assert abs((used == 0).mean() - rate) < 0.04  # 3,000 weights: four deviations
    assert not np.array_equal(used, apply(False, 1) - 7)


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_drop_path_leaves_out_whole_rows(rate):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2000, 2, 3)), jnp.float32)

    def apply(deterministic):
        layer = DropPath(rate, deterministic)
        return np.asarray(layer.apply({}, x, rngs={"dropout": jax.random.key(0)}))

    np.testing.assert_array_equal(apply(True), x)
    factor = apply(False) / np.asarray(x)
    np.testing.assert_allclose(factor, factor[:, :1, :1] + np.zeros_like(factor), atol=1e-5)
    np.testing.assert_allclose(np.unique(factor.round(4)), [0, round(1 / (1 - rate), 4)])
    assert abs((factor[:, 0, 0] == 0).mean() - rate) < 0.04


def test_a_rate_of_one_leaves_zeros_and_no_nan():
    y = DropPath(1.0, False).apply({}, jnp.ones((2, 3)), rngs={"dropout": jax.random.key(0)})
    np.testing.assert_array_equal(y, 0)
    with pytest.raises(ValueError, match=r"DropPath: rate must lie in \[0, 1\], got 1.5"):
        DropPath(1.5, False).apply({}, jnp.ones((2, 3)))
