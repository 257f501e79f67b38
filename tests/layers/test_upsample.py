"""Every way to a map of twice the size against torch's own modules with the same weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.upsample import METHODS, Upsample

X = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)


def twin(method, torch):
    """torch's modules in the order of the calls; the last of them with weights is the layer's."""
    nn = torch.nn
    if method == "transposed":
        return [nn.ConvTranspose2d(5, 6, 2, stride=2)]
    if method == "transposed3":
        return [nn.ConvTranspose2d(5, 6, 3, stride=2, padding=1, output_padding=1)]
    if method == "shuffle":
        return [nn.Conv2d(5, 24, 1), nn.PixelShuffle(2)]
    if method == "nails":
        nails = nn.ConvTranspose2d(5, 5, 2, stride=2, groups=5, bias=False)
        with torch.no_grad():
            nails.weight[:] = torch.tensor([[1.0, 0], [0, 0]])
        return [nails, nn.Conv2d(5, 6, 3, padding=1)]
    return [nn.Upsample(scale_factor=2, mode=method), nn.Conv2d(5, 6, 3, padding=1)]


@pytest.mark.parametrize("method", METHODS)
def test_upsampling_is_torchs(method):
    torch = pytest.importorskip("torch")
    layers = twin(method, torch)
    layer = Upsample(6, method)
    params = jax.jit(layer.init)(jax.random.key(0), X)["params"]["conv"]
    params = {**params, "bias": jnp.arange(params["bias"].size) / 10.0}
    whole = layers[0] if method.startswith(("transposed", "shuffle")) else layers[1]
    order = (2, 3, 0, 1) if method.startswith("transposed") else (3, 2, 0, 1)
    with torch.no_grad():
        whole.weight[:] = torch.tensor(np.asarray(params["kernel"]).transpose(order))
        whole.bias[:] = torch.tensor(np.asarray(params["bias"]))
        want = torch.nn.Sequential(*layers)(torch.tensor(X.transpose(0, 3, 1, 2)))
    got = jax.jit(layer.apply)({"params": {"conv": params}}, X)
    np.testing.assert_allclose(np.asarray(got).transpose(0, 3, 1, 2), want, atol=2e-6)
