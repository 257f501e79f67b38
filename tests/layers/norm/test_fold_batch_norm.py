"""A folded convolution against the convolution and norm that it replaces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.norm.fold_batch_norm import fold_batch_norm, fold_variables
from jaxdl.models.registry import create_model

RNG = np.random.default_rng(0)


def spread(tree):
    """Random numbers, positive, in the place of every array."""
    return jax.tree.map(lambda x: jnp.asarray(RNG.uniform(0.5, 2, x.shape), jnp.float32), tree)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_one_convolution_does_what_conv_and_norm_did(bias, eps):
    x = jnp.asarray(RNG.normal(size=(2, 6, 6, 3)), jnp.float32)
    conv, norm = Conv(4, 3, use_bias=bias), BatchNorm(train=False, eps=eps)
    before = spread(conv.init(jax.random.key(0), x))
    stats = spread(norm.init(jax.random.key(0), jnp.ones((1, 4))))
    want = norm.apply(stats, conv.apply(before, x))
    kernel, shift = fold_batch_norm(
        before["params"]["kernel"],
        before["params"].get("bias"),
        stats["params"],
        stats["batch_stats"],
        eps=eps,
    )
    got = Conv(4, 3).apply({"params": {"kernel": kernel, "bias": shift}}, x)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_a_whole_net_with_folded_norms_gives_the_same_logits():
    model = create_model("deep_convnet", 3, filters=(4, 5), pools=(2,), batch_norm=True)
    x = jnp.asarray(RNG.normal(size=(2, 8, 8, 1)), jnp.float32)
    variables = spread(model.init(jax.random.key(0), x, train=False))
    folded = fold_variables(variables, {"conv1": "norm1", "conv2": "norm2"})
    want, got = (model.apply(v, x, train=False) for v in (variables, folded))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(folded["params"]["norm1"]["scale"], 1)
    assert not np.allclose(
        folded["params"]["conv1"]["kernel"], variables["params"]["conv1"]["kernel"]
    )
    with pytest.raises(ValueError, match="there is no 'conv9'; here are"):
        fold_variables(variables, {"conv9": "norm1"})
