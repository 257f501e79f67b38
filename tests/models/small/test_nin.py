"""Network in Network, written a second time in torch; its size as counted from the paper."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.registry import create_model
from jaxdl.models.small.nin import NetworkInNetwork
from jaxdl.models.stages import stage_shapes
from tests.models.torch_layers import TorchLayers, check, images, quick_jit, random_variables

torch = pytest.importorskip("torch")
THIN = {"filters": (6, 5, 4), "second": (5, 7, 6), "third": (6, 5)}


def twin(t, x, rectified=True):
    """Lin et al. 2014, figure 2, with the authors' sizes of kernels and pools."""
    for i, (kernel, layers) in enumerate([(5, 3), (5, 3), (3, 2)], 1):
        for j in range(1, layers + 1):
            padding = kernel // 2 if j == 1 else 0
            x = t.conv(x, f"mlpconv{i}/conv{j}", padding=padding).relu()
        if i == 1:
            x = t.functions.max_pool2d(x, 3, 2, ceil_mode=True)
        if i == 2:
            x = t.functions.avg_pool2d(x, 3, 2, ceil_mode=True)
    maps = t.conv(x, "head")
    return (maps.relu() if rectified else maps).mean((2, 3))


@pytest.mark.parametrize("rectified", [True, False])
def test_logits_are_torchs(rectified):
    model = NetworkInNetwork(4, **THIN, rectified=rectified)
    check(model, partial(twin, rectified=rectified), (11, 9, 3))


def test_training_gradients_are_torchs():
    """Without dropout: of the sum of squared logits, by every kernel and bias."""
    model = NetworkInNetwork(4, **THIN, dropout=0.0)
    variables, x = random_variables(model, (11, 9, 3)), images((11, 9, 3))

    def loss(variables):
        return jnp.sum(model.apply(variables, x, train=True) ** 2)

    got = quick_jit(jax.grad(loss))(variables)
    layers = TorchLayers(variables, train=True)
    for leaf in layers.variables.values():
        leaf.requires_grad_()
    (twin(layers, layers.image(x)) ** 2).sum().backward()
    for path, leaf in jax.tree_util.tree_leaves_with_path(got["params"]):
        name = "/".join(key.key for key in path)
        want = layers.get(name).grad.numpy()
        assert np.abs(want).max() > 0, name
        np.testing.assert_allclose(leaf, want, atol=1e-4 * np.abs(want).max(), err_msg=name)


def test_dropout_acts_in_training_alone():
    model = NetworkInNetwork(4, **THIN)
    variables, x = random_variables(model, (11, 9, 3)), images((11, 9, 3))

    @quick_jit
    def train(key):
        return model.apply(variables, x, train=True, rngs={"dropout": key})

    one, other = train(jax.random.key(0)), train(jax.random.key(1))
    assert np.abs(one - other).max() > 1e-3
    layers = TorchLayers(variables)
    assert np.abs(one - twin(layers, layers.image(x)).numpy()).max() > 1e-3


def test_the_papers_net_for_cifar_has_966986_weights_and_no_linear_layer():
    """By hand: 14,592 + 30,880 + 15,456, 460,992 + 2 x 37,056, 331,968 + 37,056, 1,930."""
    model = create_model("nin", 10)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False)
    )
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 966_986
    assert {leaf.ndim for leaf in jax.tree.leaves(shapes)} == {1, 4}
    assert stage_shapes(model, (32, 32, 3)) == {
        "mlpconv1": (32, 32, 96),
        "mlpconv2": (16, 16, 192),
        "mlpconv3": (8, 8, 192),
        "pooled": (192,),
        "logits": (10,),
    }
    features = create_model("nin", 0)
    assert stage_shapes(features, (32, 32, 3))["pooled"] == (192,)
