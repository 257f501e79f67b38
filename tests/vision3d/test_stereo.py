"""Block matching against loops over windows, and on random dots that lie at known depths."""

import numpy as np
import pytest

from jaxdl.vision3d.camera import intrinsics, unproject
from jaxdl.vision3d.stereo import depth_of_disparity, match_stereo


def test_the_least_mean_of_the_window_is_that_of_loops():
    left, right = np.random.default_rng(0).random((2, 7, 12, 2)).astype(np.float32)
    got = match_stereo(left, right, most=4, window=3)
    for y, x in np.ndindex(7, 12):
        costs = []
        for d in range(min(x, 4) + 1):
            near = [
                np.abs(left[v, u].astype(float) - right[v, u - d]).mean()
                for v in range(max(y - 1, 0), min(y + 2, 7))
                for u in range(max(x - 1, d), min(x + 2, 12))
            ]
            costs.append(np.mean(near))
        assert got.pixels[y, x] == np.argmin(costs)


def test_dots_at_two_depths_are_found_and_what_one_eye_sees_alone_is_not_sure():
    rng = np.random.default_rng(1)
    scene = rng.random((40, 80, 3)).astype(np.float32)
    truth = np.full((40, 80), 3)
    truth[10:30, 30:55] = 9
    right = rng.random((40, 80, 3)).astype(np.float32)
    for d in (3, 9):  # what is near is drawn last
        v, u = np.nonzero((truth == d) & (np.arange(80) >= d))
        right[v, u - d] = scene[v, u]
    got = match_stereo(scene, right, most=16, window=5)
    inner = np.zeros_like(truth, bool)
    inner[3:-3, 20:-3] = True
    edge = np.abs(np.diff(np.pad(truth, 1, mode="edge"), axis=1))[1:-1, :-1]
    for shift in range(-9, 10):
        inner &= np.roll(edge, shift, axis=1) == 0
    assert (got.pixels == truth)[inner].mean() > 0.97
    assert got.sure[inner].mean() > 0.97
    hidden = (slice(13, 27), slice(25, 29))  # left of the square: the right eye does not see it
    assert got.sure[hidden].mean() < 0.5


def test_depth_is_the_crossing_of_two_rays():
    depth = depth_of_disparity(np.array([[2, 0, 8]]), focal=40.0, baseline=0.1)
    np.testing.assert_allclose(depth, [[2, 0, 0.5]])
    camera = intrinsics(1, 3, focal=40.0)
    x, _, z = unproject(depth, camera)[0, 2]
    other = 40 * (x - 0.1) / z + 1.5  # where the right eye sees it
    np.testing.assert_allclose(2.5 - other, 8, rtol=1e-5)


def test_what_does_not_match_is_named():
    pair = np.zeros((2, 4, 5, 1), np.float32)
    with pytest.raises(ValueError, match="window must be odd and most less than the width 5"):
        match_stereo(*pair, most=5)
    with pytest.raises(ValueError, match=r"left, right.*\(4, 5, 1\).*\(3, 5, 1\)"):
        match_stereo(pair[0], pair[1, 1:], most=1)
