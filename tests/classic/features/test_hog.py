"""Histograms of oriented gradients against scikit-image's."""

import numpy as np
import pytest
from skimage.feature import hog as skimage_hog

from jaxdl.classic.features.hog import cell_histograms, gradients, hog


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 37, 50, 3)).astype(np.uint8)


@pytest.mark.parametrize(("cell", "orientations", "block"), [(8, 9, 3), (5, 12, 2), (6, 8, 1)])
@pytest.mark.parametrize("color", [True, False])
def test_hog_is_scikit_images(images, cell, orientations, block, color):
    images = images if color else images[..., 0]
    want = [
        skimage_hog(
            image,
            orientations,
            (cell, cell),
            (block, block),
            channel_axis=2 if color else None,
        )
        for image in images
    ]
    got = hog(images, cell=cell, orientations=orientations, block=block)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_a_320_by_240_image_gives_10800_numbers():
    assert hog(np.zeros((1, 240, 320))).shape == (1, 40 * 30 * 9)


def test_a_ramp_points_one_way():
    ramp = np.arange(16.0)[None, None, :] * np.ones((1, 16, 1))  # grows to the right: 0 degrees
    cells = np.asarray(cell_histograms(ramp, cell=8, orientations=9))
    assert np.all(cells[..., 1:] == 0)
    np.testing.assert_allclose(cells[0, 0, 0, 0], 2 * 7 / 8)  # 2 a pixel, 0 in the border column
    down, across = gradients(np.swapaxes(ramp, 1, 2))
    assert np.all(np.asarray(across) == 0)
    assert np.all(np.asarray(down)[:, 1:-1] == 2)


def test_errors_name_what_is_wrong(images):
    with pytest.raises(ValueError, match=r"image 37x50 must hold a 64x64 cell"):
        hog(images, cell=64)
    with pytest.raises(ValueError, match=r"block must lie in \[1, 4\].*got 5"):
        hog(images, block=5)
