"""Numerical gradients against derivatives by hand; a wrong backward pass is found."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.classic.backprop.activation import sigmoid
from jaxdl.classic.backprop.linear import linear
from jaxdl.classic.gradient_check import gradient_error, hessian_vector, numerical_gradient


def test_numerical_gradient_of_a_tree():
    def f(t):
        return jnp.sum(jnp.sin(t["a"])) * t["b"]

    at = {"a": np.array([[0.1, 2.0], [-1.0, 0.5]]), "b": np.array(3.0)}
    got = numerical_gradient(f, at)
    np.testing.assert_allclose(got["a"], 3 * np.cos(at["a"]), rtol=1e-9)
    np.testing.assert_allclose(got["b"], np.sin(at["a"]).sum(), rtol=1e-9)


def test_a_wrong_backward_pass_is_found():
    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (2 * x**2 * g,))
    at = np.linspace(-2, 2, 6)
    assert gradient_error(lambda x: jnp.sum(cube(x)), at) > 0.1
    assert gradient_error(lambda x: jnp.sum(x**3), at) < 1e-8


@pytest.mark.parametrize("step", [1e-2, 1e-5])
def test_the_error_falls_with_the_square_of_the_step(step):
    got = numerical_gradient(lambda x: x**3, np.array(1.0), step=step)
    np.testing.assert_allclose(got - 3, step**2, rtol=0.1, atol=1e-10)


def test_step_must_be_positive():
    with pytest.raises(ValueError, match="step must be > 0, got 0"):
        numerical_gradient(jnp.sum, np.ones(2), step=0)


def test_hessian_vector_is_the_hessian_times_the_vector():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)

    def f(w):  # through backward passes written by hand
        return jnp.sum(sigmoid(linear(jnp.asarray(x), w, jnp.zeros(2))) ** 2)

    def plain(w):
        return jnp.sum(jax.nn.sigmoid(x @ w) ** 2)

    w, v = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(np.float32)
    want = np.einsum("ijkl,kl->ij", jax.hessian(plain)(w), v)
    np.testing.assert_allclose(hessian_vector(f, w, v), want, rtol=1e-4, atol=1e-5)
