"""Products over rows against NumPy in float64, and what their gradients compile to."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.dense import Dense
from jaxdl.ops.matmul import dense_matmul, dot_over_rows


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (2, 1, 5, 3), (0, 4, 3)])
def test_values_and_gradients_are_those_of_the_product(shape):
    x, kernel, weights = normal(*shape), normal(3, 6, seed=1), normal(*shape[:-1], 6, seed=2)
    loss = lambda x, kernel: (dense_matmul(x, kernel) * weights).sum()  # noqa: E731
    wide = [a.astype(np.float64) for a in (x, kernel, weights)]
    want = (wide[0] @ wide[1] * wide[2]).sum()
    np.testing.assert_allclose(loss(x, kernel), want, rtol=1e-5, atol=1e-5)
    dx, dk = jax.grad(loss, (0, 1))(x, kernel)
    np.testing.assert_allclose(dx, wide[2] @ wide[1].T, atol=1e-5)
    rows = wide[0].reshape(-1, 3).T @ wide[2].reshape(-1, 6)
    np.testing.assert_allclose(dk, rows, atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_layer_is_flax_s(use_bias):
    x = normal(2, 4, 3)
    ours, theirs = Dense(6, use_bias=use_bias), nn.Dense(6, use_bias=use_bias)
    variables = theirs.init(jax.random.key(0), x)
    assert jax.tree.map(jnp.shape, ours.init(jax.random.key(0), x)) == jax.tree.map(
        jnp.shape, variables
    )
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), atol=1e-6)
    half = ours.apply(variables, x.astype(jnp.bfloat16))
    assert half.dtype == theirs.apply(variables, x.astype(jnp.bfloat16)).dtype


def test_the_kernels_gradient_contracts_one_axis():
    x, kernel = normal(2, 4, 3), normal(3, 6)
    grad = jax.grad(lambda kernel: dense(x, kernel).sum())
    text = jax.jit(grad).lower(kernel).as_text()
    assert "contracting_dims = [0] x [0]" in text
    plain = jax.jit(jax.grad(lambda k: (x @ k).sum())).lower(kernel).as_text()
    assert "contracting_dims = [0, 1] x [0, 1]" in plain  # what it avoids


def dense(x, kernel):
    return dot_over_rows(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def test_other_products_are_refused():
    with pytest.raises(ValueError, match="last axis by the first"):
        dot_over_rows(normal(2, 3), normal(2, 3), (((0,), (0,)), ((), ())))
