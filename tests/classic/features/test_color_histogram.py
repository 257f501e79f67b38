"""Histograms of colors against NumPy's, hues against matplotlib's."""

import matplotlib.colors
import numpy as np
import pytest

from jaxdl.classic.features.color_histogram import color_histogram, rgb_to_hsv


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 37, 50, 3)).astype(np.uint8)


def test_hsv_is_matplotlibs(images):
    want = matplotlib.colors.rgb_to_hsv(images / 255)
    np.testing.assert_allclose(rgb_to_hsv(images / 255), want, atol=1e-5)


@pytest.mark.parametrize(("bins", "grid"), [(2, 1), (4, 2)])
def test_color_histogram_is_numpys(bins, grid):
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 12, 3)).astype(np.uint8)
    want = []
    for image in images:
        for rows in np.split(image, grid, axis=0):
            for tile in np.split(rows, grid, axis=1):
                pixels = tile.reshape(-1, 3) / 255
                counts, _ = np.histogramdd(pixels, bins=bins, range=[(0, 1)] * 3)
                want.append(counts.ravel() / len(pixels))
    got = color_histogram(images, bins=bins, grid=grid)
    np.testing.assert_allclose(got, np.reshape(want, (2, -1)), atol=1e-6)


def test_color_histogram_in_hsv_puts_one_hue_into_one_box():
    shades = np.linspace(0.6, 0.9, 16)[:, None] * np.array([0.0, 1.0, 0.0])  # greens
    counts = np.asarray(color_histogram(shades.reshape(1, 4, 4, 3), bins=2, space="hsv"))[0]
    assert counts.max() == 1  # hue 1/3, saturation 1, value above 1/2: box (0, 1, 1)
    assert counts.argmax() == 3


def test_errors_name_what_is_wrong(images):
    with pytest.raises(ValueError, match=r"sides that divide by grid 2"):
        color_histogram(images, grid=2)
    with pytest.raises(ValueError, match=r"space must be one of rgb, hsv, got 'lab'"):
        color_histogram(images, space="lab")
