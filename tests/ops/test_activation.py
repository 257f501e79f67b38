"""Activations and their derivatives against torch, and the constants of the books."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.activation import ACTIVATIONS, activation

X = np.array([-7, -2.5, -1, -0.5, -0.25, 0, 0.2, 0.5, 1, 3, 8], np.float32)
TORCH = {
    "relu": lambda f, x: f.relu(x),
    "relu6": lambda f, x: f.relu6(x),
    "leaky_relu": lambda f, x: f.leaky_relu(x, 0.1),
    "elu": lambda f, x: f.elu(x),
    "selu": lambda f, x: f.selu(x),
    "gelu": lambda f, x: f.gelu(x, approximate="tanh"),
    "gelu_exact": lambda f, x: f.gelu(x),
    "silu": lambda f, x: f.silu(x),
    "softplus": lambda f, x: f.softplus(x),
    "sigmoid": lambda f, x: x.sigmoid(),
    "hard_sigmoid": lambda f, x: f.hardsigmoid(x),
    "hard_swish": lambda f, x: f.hardswish(x),
    "tanh": lambda f, x: x.tanh(),
    "piecewise_linear": lambda f, x: (x + 0.5).clamp(0, 1),
    "hard_step": lambda f, x: (x >= 0).float() + 0 * x,
    "sign": lambda f, x: x.sign(),
    "linear": lambda f, x: 1 * x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_torchs(name):
    torch = pytest.importorskip("torch")
    t = torch.tensor(X, requires_grad=True)
    want = TORCH[name](torch.nn.functional, t)
    want.sum().backward()
    f = activation(name)
    np.testing.assert_allclose(f(jnp.asarray(X)), want.detach(), atol=1e-6)
    kinks = {"relu": [0], "relu6": [0], "leaky_relu": [0], "piecewise_linear": [-0.5, 0.5]}
    kinks |= {"hard_sigmoid": [-3, 3], "hard_swish": [-3, 3]}
    smooth = ~np.isin(X, kinks.get(name, []))
    slopes = jax.vmap(jax.grad(f))(jnp.asarray(X))
    np.testing.assert_allclose(slopes[smooth], t.grad.numpy()[smooth], atol=1e-6)


def test_identities_of_the_books():
    x = jnp.asarray(X)
    sigmoid = activation("sigmoid")
    np.testing.assert_allclose(activation("tanh")(x), 2 * sigmoid(2 * x) - 1, atol=1e-6)
    slope = jax.vmap(jax.grad(sigmoid))(x)
    np.testing.assert_allclose(slope, sigmoid(x) * (1 - sigmoid(x)), atol=1e-6)
    assert activation("hard_step")(jnp.float32(0)) == 1
    assert activation("sign")(jnp.float32(0)) == 0
    alpha, scale = 1.6732632423543772848, 1.0507009873554804934
    want = scale * np.where(X > 0, X, alpha * (np.exp(X.astype(np.float64)) - 1))
    np.testing.assert_allclose(activation("selu")(x), want, rtol=1e-6)


def test_selu_keeps_mean_and_variance():
    draw = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
    out = np.asarray(activation("selu")(draw), np.float64)
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.02


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="activation: there is no 'reluu'; did you mean relu"):
        activation("reluu")
