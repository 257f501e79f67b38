"""FCN-32s, 16s and 8s against their torch twin; its first enlarging against torch's bilinear."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.models.segmentation.fcn import FCN, bilinear_kernel
from tests.interop.torch_twins.test_registry import normal, randomized

torch = pytest.importorskip("torch")

from jaxdl.interop.torch_twins.registry import twin_of  # noqa: E402


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_fcn_computes_what_torch_does(stride):
    model = FCN(3, stride, (1, 1, 1, 1, 1), (2, 3, 3, 4, 4), hidden=5)
    x = normal(1, 50, 70, 3)  # pools of odd sizes
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = randomized(jax.tree.map(lambda s: np.ones(s.shape, np.float32), start))
    twin = twin_of(model, x.shape)
    twin.load(variables)
    twin.module.eval()
    got = jax.jit(lambda v: model.apply(v, x, train=False))(variables)
    want = twin.module(torch.tensor(x.transpose(0, 3, 1, 2))).detach().numpy()
    near = 1e-5 * np.abs(want).max()
    np.testing.assert_allclose(got, want.transpose(0, 2, 3, 1), atol=near)


def test_maps_are_first_enlarged_as_bilinear():
    layer = ConvTranspose(3, 4, stride=2, padding=1, use_bias=False, kernel_init=bilinear_kernel)
    x = normal(1, 5, 6, 3)
    got = layer.apply(layer.init(jax.random.key(0), jnp.asarray(x)), jnp.asarray(x))
    images = torch.tensor(x.transpose(0, 3, 1, 2))
    want = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear").numpy()
    inner = (slice(None), slice(1, -1), slice(1, -1))  # at the rim zeros come in
    np.testing.assert_allclose(got[inner], want.transpose(0, 2, 3, 1)[inner], atol=1e-6)


def test_pictures_and_strides_that_cannot_be():
    with pytest.raises(ValueError, match="32 pixels a side"):
        FCN(2).init(jax.random.key(0), jnp.zeros((1, 31, 40, 3)), train=False)
    with pytest.raises(ValueError, match="stride must be one of"):
        FCN(2, stride=4).init(jax.random.key(0), jnp.zeros((1, 32, 40, 3)), train=False)
