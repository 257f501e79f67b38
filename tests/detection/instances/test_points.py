"""Keypoints in heat maps: torchvision's own targets and decoder; peaks between cells."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.instances.points import cells_of_points, points_by_mean, points_by_peak

SIZE = (40, 60)  # height and width of the picture
BOXES = np.array(
    [[3.2, 4.7, 18.9, 33.1], [0, 0, 60, 40], [20, 10, 20.4, 30], [50.5, 1, 57.5, 8]], np.float32
)


@pytest.fixture(scope="module")
def theirs(torchvision):
    return importlib.import_module("torchvision.models.detection.roi_heads")


def test_cells_are_torchvisions_on_edges_too(theirs):
    import torch

    rng = np.random.default_rng(0)
    share = rng.uniform(-0.2, 1.2, (4, 9, 2)).astype(np.float32)
    share[:, 0], share[:, 1], share[:, 2] = 0, 1, (1, 0.5)
    low, high = BOXES[:, None, :2], BOXES[:, None, 2:]
    points = np.where(share == 1, high, low + share * (high - low))
    visible = rng.random((4, 9)) > 0.3
    cell, good = cells_of_points(jnp.asarray(points), jnp.asarray(visible), BOXES, 12)
    given = torch.tensor(np.concatenate([points, visible[..., None]], -1, dtype=np.float32))
    want, valid = theirs.keypoints_to_heatmap(given, torch.tensor(BOXES), 12)
    assert 5 < good.sum() < 30
    np.testing.assert_array_equal(good, valid.bool())
    np.testing.assert_array_equal(np.where(good, cell, 0), want)


def test_peaks_are_torchvisions(theirs):
    import torch

    maps = np.random.default_rng(1).normal(size=(4, 14, 14, 5)).astype(np.float32)
    got = jax.jit(points_by_peak, static_argnums=2)(maps, BOXES, SIZE)
    given = torch.tensor(maps.transpose(0, 3, 1, 2)), torch.tensor(BOXES)
    want, score = theirs.heatmaps_to_keypoints(*given)
    np.testing.assert_allclose(got[..., :2], want[..., :2], atol=1e-3)
    np.testing.assert_allclose(got[..., 2], score, atol=1e-4)


def test_the_mean_finds_a_peak_between_cells():
    rng = np.random.default_rng(2)
    place = rng.uniform(4, 10, (4, 5, 2))  # x, y in cells of 14
    cell = np.arange(14) + 0.5
    x, y = (-((cell - place[..., i, None]) ** 2) for i in (0, 1))  # the log of a Gaussian
    maps = (y[..., :, None] + x[..., None, :]).transpose(0, 2, 3, 1).astype(np.float32)
    got = np.asarray(points_by_mean(maps, BOXES, SIZE))
    sides = (BOXES[:, 2:] - BOXES[:, :2])[:, None] / 14
    want = BOXES[:, None, :2] + place * sides
    assert np.abs((got[..., :2] - want) / sides).max() < 0.05
    np.testing.assert_allclose(got[..., 2], maps.max((1, 2)), rtol=1e-6)
    rounded = points_by_peak(jnp.asarray(maps[3:]), jnp.asarray(BOXES[3:]), SIZE)
    assert np.abs(rounded[0, :, :2] - want[3]).max() > 0.3  # whole pixels
