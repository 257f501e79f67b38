"""Neighbors against scikit-learn's; patches and filters worked by hand."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from jaxdl.interpret.features import (
    agreement,
    cut_patch,
    filter_pictures,
    neighbors_of_each,
    peaks,
)
from jaxdl.models.registry import create_model
from jaxdl.models.summary.stage_windows import stage_field

DRAW = np.random.default_rng(0)


def test_neighbors_are_scikit_learns_without_the_row_itself():
    x = DRAW.normal(size=(40, 6)).astype(np.float32)
    want = NearestNeighbors(n_neighbors=4).fit(x).kneighbors(return_distance=False)
    got = neighbors_of_each(x, 4)
    np.testing.assert_array_equal(got, want)
    labels = DRAW.integers(0, 3, 40)
    hits = [labels[j] == labels[i] for i in range(40) for j in want[i]]
    assert agreement(got, labels) == np.mean(hits)
    same = neighbors_of_each(np.zeros((5, 2), np.float32), 2)  # equal rows: still never itself
    assert not (same == np.arange(5)[:, None]).any()


def test_the_pictures_in_which_a_unit_is_highest():
    maps = np.zeros((4, 3, 5))
    maps[2, 1, 4], maps[0, 2, 0], maps[3, 0, 1] = 7, 9, 1
    assert peaks(maps, 2) == [(0, (2, 0), 9.0), (2, (1, 4), 7.0)]
    image = DRAW.integers(0, 255, (28, 28, 1)).astype(np.uint8)
    field = stage_field(create_model("strided_convnet", 0), (28, 28, 1), "stage1")
    np.testing.assert_array_equal(cut_patch(image, field, (2, 3)), image[3:7, 5:9])
    assert cut_patch(image, field, (0, 13)).shape == (3, 3, 1)  # a row above, a column beyond


def test_filters_are_gray_where_they_are_zero():
    kernel = np.zeros((2, 2, 1, 2))
    kernel[0, 0, 0, 0], kernel[1, 1, 0, 0] = 4, -2
    made = filter_pictures(kernel)
    np.testing.assert_array_equal(made[0, :, :, 0], [[1, 0.5], [0.5, 0.25]])
    np.testing.assert_array_equal(made[1], np.full((2, 2, 1), 0.5))
