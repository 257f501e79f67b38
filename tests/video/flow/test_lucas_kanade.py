"""Least squares in float64 loops judge one iteration; OpenCV and the known flow, whole pairs."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from jaxdl.video.flow.lucas_kanade import lucas_kanade
from jaxdl.video.flow.made_pairs import make_pair
from jaxdl.video.flow.warp import stays_inside
from tests.video.flow.made_picture import made_picture


@pytest.mark.parametrize(("sigma", "ridge"), [(1.0, 1e-3), (1.5, 1e-1)])
def test_one_iteration_is_weighted_least_squares_at_each_pixel(sigma, ridge):
    first, second = np.random.default_rng(0).uniform(size=(2, 9, 10, 2))
    found = lucas_kanade(
        jnp.array(first[None]),
        jnp.array(second[None]),
        levels=1,
        iterations=1,
        sigma=sigma,
        ridge=ridge,
    )
    dy, dx = np.gradient(second, axis=(0, 1))
    for y, x in [(0, 0), (4, 5), (8, 3)]:
        weights = np.array(
            [
                [gaussian_filter(unit(9, 10, i, j), sigma, mode="reflect")[y, x] for j in range(10)]
                for i in range(9)
            ]
        )
        matrix, right = ridge * np.eye(2), np.zeros(2)
        for i, j, c in np.ndindex(9, 10, 2):
            slope = np.array([dx[i, j, c], dy[i, j, c]])
            matrix += weights[i, j] * np.outer(slope, slope)
            right += weights[i, j] * slope * (first[i, j, c] - second[i, j, c])
        np.testing.assert_allclose(found[0, y, x], np.linalg.solve(matrix, right), atol=2e-4)


def unit(height, width, i, j):
    picture = np.zeros((height, width))
    picture[i, j] = 1
    return picture


@pytest.mark.parametrize("kind", ["shift", "waves"])
def test_moves_of_up_to_eight_pixels_are_found_as_well_as_by_opencv(kind):
    cv2 = pytest.importorskip("cv2")
    first, second, flow = make_pair(made_picture(80, 96), kind, most=8)
    found = lucas_kanade(jnp.array(first[None]), jnp.array(second[None]))[0]
    inside = np.asarray(stays_inside(jnp.array(flow[None])))[0]
    error = np.linalg.norm(found - flow, axis=-1)[inside].mean()
    gray = [
        cv2.cvtColor((p * 255).round().astype(np.uint8), cv2.COLOR_RGB2GRAY)
        for p in (first, second)
    ]
    theirs = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*gray, None)
    assert error < 0.3
    assert error < 1.2 * np.linalg.norm(theirs - flow, axis=-1)[inside].mean() + 0.02


def test_pictures_of_bytes_or_of_too_many_levels_are_refused():
    image = jnp.zeros((1, 16, 16, 3))
    with pytest.raises(ValueError, match="second must be float in .0, 1., got uint8"):
        lucas_kanade(image, image.astype(jnp.uint8))
    with pytest.raises(ValueError, match="3 levels leave 4 pixels"):
        lucas_kanade(image, image, levels=3)
