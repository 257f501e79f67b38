"""Gaussian blur against scipy.ndimage.gaussian_filter."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxdl.ops.blur import gaussian_blur

X = np.random.default_rng(0).normal(size=(2, 9, 12, 3))


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_blur_is_scipys(sigma):
    want = scipy.ndimage.gaussian_filter(X, (0, sigma, sigma, 0))
    np.testing.assert_allclose(gaussian_blur(jnp.asarray(X), sigma), want, atol=1e-5)


def test_a_blur_wider_than_the_picture_and_none_are_refused():
    with pytest.raises(ValueError, match=r"reaches 12 pixels.*got \(9, 12\)"):
        gaussian_blur(jnp.asarray(X), 3.0)
    with pytest.raises(ValueError, match="sigma must be > 0, got 0"):
        gaussian_blur(jnp.asarray(X), 0.0)
