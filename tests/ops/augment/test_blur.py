"""Blur against torchvision's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.augment.blur import gaussian_blur, random_blur

IMAGES = np.random.default_rng(0).random((3, 9, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [3, 7])
def test_each_row_is_blurred_as_by_torchvision(size, torchvision):
    torch = pytest.importorskip("torch")
    blur = pytest.importorskip("torchvision.transforms.functional").gaussian_blur
    sigma = [0.3, 1.0, 2.5]
    got = gaussian_blur(jnp.asarray(IMAGES), jnp.asarray(sigma), size=size)
    for row, image, s in zip(got, IMAGES, sigma, strict=True):
        want = blur(torch.tensor(image).permute(2, 0, 1), [size, size], [s, s]).permute(1, 2, 0)
        np.testing.assert_allclose(row, want, atol=1e-5)


def test_some_rows_are_blurred_by_a_sigma_of_the_range():
    images = jnp.asarray(np.tile(IMAGES[:1], (200, 1, 1, 1)))
    keys = jax.random.split(jax.random.key(0), 200)
    got = np.asarray(random_blur(keys, images, size=5, sigma=(0.5, 1.5), probability=0.25))
    off = np.abs(got - IMAGES[:1]).mean(axis=(1, 2, 3))
    assert 0.15 < np.mean(off > 0) < 0.35
    low, high = (
        np.abs(gaussian_blur(images[:1], jnp.full(1, s), size=5) - IMAGES[:1]).mean()
        for s in (0.5, 1.5)
    )
    assert low - 1e-5 < off[off > 0].min() < off.max() < high + 1e-5


def test_what_cannot_be_is_refused():
    keys, images = jax.random.split(jax.random.key(0), 3), jnp.asarray(IMAGES)
    with pytest.raises(ValueError, match=r"size must be odd, .* got 4"):
        gaussian_blur(images, jnp.ones(3), size=4)
    with pytest.raises(ValueError, match=r"sigma must be a range of positive numbers, got \(0"):
        random_blur(keys, images, size=3, sigma=(0.0, 1.0))
