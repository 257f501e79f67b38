"""The whitening net: patches whitened by NumPy's covariance, logits by torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.small.speedrun_convnet import SpeedConvNet, identity_kernel, whitening_filters
from tests.models.torch_layers import check

IMAGES = np.random.default_rng(0).normal(size=(40, 9, 9, 2)) + 0.5
IMAGES[..., 1] += 0.9 * IMAGES[..., 0]


@pytest.mark.parametrize("size", [2, 3])
def test_whitened_patches_are_uncorrelated_and_of_unit_power(size):
    filters = whitening_filters(IMAGES, size, eps=0.0).reshape(size * size * 2, -1)
    rows = [
        image[i : i + size, j : j + size].ravel()
        for image in IMAGES
        for i in range(10 - size)
        for j in range(10 - size)
    ]
    half = size * size * 2
    seen = np.array(rows) @ filters[:, :half]
    np.testing.assert_allclose(seen.T @ seen / len(seen), np.eye(half), atol=1e-4)
    np.testing.assert_allclose(filters[:, half:], -filters[:, :half])
    damped = whitening_filters(IMAGES, size, eps=1.0)
    assert np.abs(damped).max() < np.abs(filters).max()


@pytest.mark.parametrize(("channels", "features"), [(3, 5), (5, 3)])
def test_first_features_start_as_their_own_channel(channels, features):
    kernel = identity_kernel(jax.random.key(0), (3, 3, channels, features))
    x = np.random.default_rng(0).normal(size=(1, 6, 6, channels)).astype(np.float32)
    y = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    same = min(channels, features)
    np.testing.assert_allclose(y[..., :same], x[..., :same], atol=1e-6)
    assert features == same or np.abs(kernel[..., same:]).min() > 0


def twin(t, x):
    F, torch = t.functions, t.torch
    kernel = t.get("whitening", "constants").permute(3, 2, 0, 1)
    x = F.gelu(F.conv2d(x, kernel, t.get("whitening_bias")))
    for i in (1, 2, 3):
        x = F.max_pool2d(t.conv(x, f"group{i}_conv1", padding=1), 2)
        x = t.conv(F.gelu(t.norm(x, f"group{i}_norm1")), f"group{i}_conv2", padding=1)
        x = F.gelu(t.norm(x, f"group{i}_norm2"))
    return t.dense(t.flat(F.max_pool2d(x, 3)), "head") * torch.tensor(0.25)


def test_logits_are_torchs():
    pytest.importorskip("torch")
    check(SpeedConvNet(3, (4, 5, 4), scale=0.25), twin, (32, 32, 3))


def test_filters_come_from_the_images_and_are_no_parameters():
    model = SpeedConvNet(3, (4, 4, 4)).for_images(IMAGES)
    x = jnp.zeros((2, 26, 26, 2))
    variables = model.init(jax.random.key(0), x, train=False)
    np.testing.assert_array_equal(variables["constants"]["whitening"], whitening_filters(IMAGES))
    assert "whitening" not in variables["params"]
    other = SpeedConvNet(3, (4, 4, 4)).init(jax.random.key(0), x, train=False)
    assert other["constants"]["whitening"].shape == (2, 2, 2, 16)
    _, changed = model.apply(variables, x, train=True, mutable=["batch_stats", "constants"])
    np.testing.assert_array_equal(
        changed["constants"]["whitening"], variables["constants"]["whitening"]
    )
