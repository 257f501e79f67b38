"""Edges against NumPy's; forms that turned colors leave alone, colors that moved pixels do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ortho_group

from jaxdl.models.registry import create_model
from jaxdl.selfsup.form_color import FormAndColor, edges

X = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
TURN = ortho_group.rvs(3, random_state=1)


def test_edges_are_the_lengths_of_steps():
    wide = X.astype(np.float64)
    want = np.zeros((2, 8, 8))
    for b, i, j in np.ndindex(2, 8, 8):
        down = wide[b, i + 1, j] - wide[b, i, j] if i < 7 else np.zeros(3)
        right = wide[b, i, j + 1] - wide[b, i, j] if j < 7 else np.zeros(3)
        want[b, i, j] = np.sqrt(down @ down + right @ right)
    want /= np.sqrt((want**2).mean(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(edges(jnp.asarray(X))[..., 0], want, atol=1e-5)
    turned = np.float32(-2.5 * X @ TURN + 3)
    np.testing.assert_allclose(edges(jnp.asarray(turned))[..., 0], want, atol=1e-5)


def test_one_color_has_no_edges_and_finite_gradients():
    plain = jnp.full((1, 4, 4, 3), 0.3)
    np.testing.assert_array_equal(edges(plain), 0)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(edges(x) ** 2))(plain)).all()


@pytest.mark.parametrize(("hidden", "colors"), [(5, 4), (7, 3)])
def test_each_part_sees_its_own(hidden, colors):
    model = FormAndColor(create_model("deep_convnet", 0, filters=(2,), pools=(1,)), hidden, colors)
    variables = model.init(jax.random.key(0), X, train=False)
    out = np.asarray(model.apply(variables, X, train=False))
    assert out.shape == (2, 4 * 4 * 2 + colors)
    turned = model.apply(variables, np.float32(X @ TURN), train=False)
    np.testing.assert_allclose(turned[:, :-colors], out[:, :-colors], atol=1e-5)
    assert np.abs(turned[:, -colors:] - out[:, -colors:]).max() > 0.1
    order = np.random.default_rng(2).permutation(64)
    moved = model.apply(variables, X.reshape(2, 64, 3)[:, order].reshape(X.shape), train=False)
    np.testing.assert_allclose(moved[:, -colors:], out[:, -colors:], atol=1e-5)
    assert np.abs(moved[:, :-colors] - out[:, :-colors]).max() > 0.1
    pixel, params = X.astype(np.float64), variables["params"]
    for name, act in (("color1", lambda v: np.maximum(v, 0)), ("color2", lambda v: v)):
        pixel = act(pixel @ np.asarray(params[name]["kernel"]) + np.asarray(params[name]["bias"]))
    np.testing.assert_allclose(out[:, -colors:], pixel.max(axis=(1, 2)), atol=1e-5)
