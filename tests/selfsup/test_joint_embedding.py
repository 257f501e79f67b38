"""Heads against the same layers in torch."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.selfsup.joint_embedding import JointEmbedding, MLPHead

X = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


@pytest.mark.parametrize("last_norm", [False, True])
def test_a_head_is_torchs_layers(last_norm):
    torch = pytest.importorskip("torch")
    head = MLPHead((7, 4, 3), last_norm)
    variables = head.init(jax.random.key(0), jnp.asarray(X), train=False)
    params, out = variables["params"], torch.tensor(X)
    for name, norm in (("dense1", True), ("dense2", True), ("out", last_norm)):
        layer = params[name]
        bias = torch.tensor(np.array(layer["bias"])) if "bias" in layer else None
        assert (bias is None) == norm
        out = torch.nn.functional.linear(out, torch.tensor(np.array(layer["kernel"]).T), bias)
        if norm:
            stats = torch.zeros(out.shape[1]), torch.ones(out.shape[1])
            out = torch.nn.functional.batch_norm(out, *stats, training=True)
        out = out.relu() if name != "out" else out
    got, _ = head.apply(variables, jnp.asarray(X), train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(got, out, rtol=1e-4, atol=1e-5)


class Half(nn.Module):
    """A backbone that halves."""

    @nn.compact
    def __call__(self, x, *, train):
        return x / 2


def test_features_are_the_backbones_and_the_predictor_stands_on_the_embedding():
    model = JointEmbedding(Half(), (8, 4), (6,))
    variables = model.init(jax.random.key(0), jnp.asarray(X), train=False)
    features = model.apply(variables, jnp.asarray(X), train=False, method="features")
    np.testing.assert_array_equal(features, X / 2)
    out = model.apply(variables, jnp.asarray(X), train=False)
    for name, part, given in (("z", "project", features), ("p", "predict", out["z"])):
        own = {kind: tree[part] for kind, tree in variables.items()}
        widths = (8, 4) if name == "z" else (6, 4)
        np.testing.assert_allclose(
            out[name], MLPHead(widths).apply(own, given, train=False), rtol=1e-5, atol=1e-6
        )
    plain = JointEmbedding(Half())
    assert set(plain.init_with_output(jax.random.key(0), X, train=False)[0]) == {"z"}
