"""Lab against scikit-image."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.color_space import lab_to_rgb, rgb_to_lab

color = pytest.importorskip("skimage.color")
RGB = np.random.default_rng(0).random((40, 3, 3))
RGB[0] = [[0, 0, 0], [1, 1, 1], [0.01, 0.02, 0.03]]  # both ends and the line near black


def test_lab_is_scikit_images_and_comes_back():
    got = rgb_to_lab(jnp.asarray(RGB, jnp.float32))
    np.testing.assert_allclose(got, color.rgb2lab(RGB), atol=0.01)
    np.testing.assert_allclose(lab_to_rgb(got), RGB, atol=1e-3)


def test_a_color_outside_of_srgb_is_cut_off():
    lab = np.array([[50.0, 120.0, -110.0], [95.0, -90.0, 90.0], [30.0, 0.0, 0.0]])
    got = lab_to_rgb(jnp.asarray(lab, jnp.float32))
    np.testing.assert_allclose(got, color.lab2rgb(lab), atol=2e-3)
