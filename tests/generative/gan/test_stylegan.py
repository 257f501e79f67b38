"""Styles: adaptive instance norm against torch; what noise and class change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.generative.gan.stylegan import AdaIN, StyleGenerator

RNG = np.random.default_rng(0)


def test_adaptive_norm_is_torchs_instance_norm_with_a_style():
    torch = pytest.importorskip("torch")
    x, w = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32), RNG.normal(size=(2, 6))
    layer = AdaIN()
    variables = layer.init(jax.random.key(0), x, jnp.float32(w))
    style = variables["params"]["style"]
    scale, bias = np.split(w @ np.asarray(style["kernel"]) + np.asarray(style["bias"]), 2, axis=1)
    normed = torch.nn.functional.instance_norm(torch.tensor(x).permute(0, 3, 1, 2))
    want = normed.permute(0, 2, 3, 1).numpy() * (1 + scale)[:, None, None] + bias[:, None, None]
    np.testing.assert_allclose(layer.apply(variables, x, jnp.float32(w)), want, atol=1e-4)


@pytest.mark.parametrize("classes", [0, 3])
def test_a_style_is_the_direction_of_the_noise_and_the_class(classes):
    model = StyleGenerator((8, 8, 1), 6, 2, (4, 4, 3), classes)
    z = RNG.normal(size=(2, 5)).astype(np.float32)
    variables = model.init(jax.random.key(0), z, jnp.array([0, 1]), train=False)
    make = lambda z, label=jnp.array([0, 1]): model.apply(variables, z, label, train=False)  # noqa: E731
    image = make(z)
    assert image.shape == (2, 8, 8, 1)
    assert np.abs(image[0] - image[1]).max() > 1e-3
    if classes:
        assert np.abs(make(z, jnp.array([2, 1]))[0] - image[0]).max() > 1e-4
    else:  # twice the noise is the same direction
        np.testing.assert_allclose(make(2 * z), image, atol=1e-5)
    with pytest.raises(ValueError, match="multiples of 4"):
        StyleGenerator((9, 8, 1)).init(jax.random.key(0), z, train=False)
