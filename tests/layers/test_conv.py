"""The convolution layer against torch's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv import Conv, torch_uniform


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3},
        {"kernel_size": (3, 2), "stride": 2, "padding": 1},
        {"kernel_size": 3, "padding": (0, 2), "dilation": 2, "use_bias": False},
        {"kernel_size": 3, "groups": 2},
        {"kernel_size": 3, "groups": 4, "stride": (1, 2)},
    ],
)
def test_layer_is_torchs(options):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 8, 7, 4)).astype(np.float32)
    twin_options = {"bias" if k == "use_bias" else k: v for k, v in options.items()}
    twin = torch.nn.Conv2d(4, 6 if options.get("groups") != 4 else 8, **twin_options)
    params = {"kernel": jnp.array(twin.weight.detach().numpy().transpose(2, 3, 1, 0))}
    if twin.bias is not None:
        params["bias"] = jnp.array(twin.bias.detach().numpy())
    layer: Any = Conv(twin.out_channels, **options)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)["params"]
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, shapes)
    want = twin(torch.tensor(x.transpose(0, 3, 1, 2))).detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(layer.apply({"params": params}, x), want, atol=1e-5)


def start(layer: Any, x) -> Any:
    return layer.init(jax.random.key(0), x)["params"]


def test_initializers():
    x = jnp.zeros((1, 5, 5, 16))
    kaiming = start(Conv(256, 3), x)
    assert np.std(kaiming["kernel"]) == pytest.approx(np.sqrt(2 / (9 * 16)), rel=0.03)
    assert not kaiming["bias"].any()
    uniform = start(Conv(256, 3, kernel_init=torch_uniform), x)
    bound = 1 / np.sqrt(9 * 16)  # torch.nn.Conv2d.reset_parameters
    assert np.max(np.abs(uniform["kernel"])) == pytest.approx(bound, rel=1e-3)
    assert np.std(uniform["kernel"]) == pytest.approx(bound / np.sqrt(3), rel=0.03)


def test_computes_in_the_dtype_of_the_input_with_float32_parameters():
    x = jnp.ones((1, 4, 4, 2), jnp.bfloat16)
    with jax.numpy_dtype_promotion("strict"):
        params = start(Conv(3, 3), x)
        y: Any = Conv(3, 3).apply({"params": params}, x)
    assert y.dtype == jnp.bfloat16
    assert params["kernel"].dtype == jnp.float32


def test_error_names_shape_and_groups():
    with pytest.raises(ValueError, match=r"Conv: x must be.*groups 3.*\(1, 4, 4, 2\)"):
        Conv(3, 3, groups=3).init(jax.random.key(0), jnp.ones((1, 4, 4, 2)))
