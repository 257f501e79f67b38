"""The feed-forward net: its norm against torch's instance norm; one style's rows are its alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret.synthesis.style_net import StyleNet, StyleNorm

X = jax.random.uniform(jax.random.key(0), (2, 22, 27, 3))
NET = StyleNet(3, features=2, blocks=1)
init = jax.jit(lambda key: NET.init(key, X, train=False))
VARIABLES = jax.tree.map(
    lambda v: v + 0.1 * jax.random.normal(jax.random.key(v.size), v.shape), init(jax.random.key(1))
)
draw = jax.jit(lambda variables, x, mix: NET.apply(variables, x, mix, train=False))


def test_a_norm_of_one_style_is_torchs_instance_norm():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4, 5, 2)).astype(np.float32)
    scale, bias = rng.normal(size=(2, 4, 2)).astype(np.float32)
    params = {"params": {"scale": scale, "bias": bias}}
    for style in (0, 3):
        got = StyleNorm().apply(params, jnp.asarray(x), jax.nn.one_hot(jnp.full(3, style), 4))
        want = torch.nn.functional.instance_norm(
            torch.tensor(x.transpose(0, 3, 1, 2)),
            weight=torch.tensor(scale[style]),
            bias=torch.tensor(bias[style]),
        )
        np.testing.assert_allclose(got, want.numpy().transpose(0, 2, 3, 1), atol=1e-4)


def test_a_picture_keeps_its_size_and_its_style_is_its_rows_alone():
    out = draw(VARIABLES, X, jax.nn.one_hot(jnp.array([0, 2]), 3))
    assert out.shape == X.shape
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1
    params = jax.tree.map(lambda v: v, VARIABLES["params"])
    for name in params:
        if name.endswith("_norm"):  # what belongs to style 1
            params[name] = jax.tree.map(lambda v: v.at[1].add(5.0), params[name])
    np.testing.assert_array_equal(
        out, draw({"params": params}, X, jax.nn.one_hot(jnp.array([0, 2]), 3))
    )
    assert float(jnp.abs(out[:1] - draw(VARIABLES, X[:1], jnp.array([[0.0, 1, 0]]))).max()) > 1e-3


def test_no_mix_is_an_equal_one():
    third = jnp.full((2, 3), 1 / 3)
    np.testing.assert_allclose(draw(VARIABLES, X, None), draw(VARIABLES, X, third), atol=1e-5)


def test_a_picture_too_small_for_its_mirrored_edges_is_refused():
    with pytest.raises(ValueError, match=r"20x20 pixels, got \(19, 27\)"):
        NET.init(jax.random.key(0), X[:, :19], train=False)
