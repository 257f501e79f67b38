"""The cut against every mask of a small picture, SciPy's distances; a made picture cut exactly."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxdl.interpret.localization import (
    above_share,
    cut_out,
    highest,
    mask_iou,
    min_cut,
    neighbor_weights,
    points_at,
)


def disc(side=24, row=8.0, column=14.0, radius=6.0):
    rows, columns = np.mgrid[:side, :side]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def test_a_place_is_near_a_mask_or_not():
    mask = disc()
    inside = np.argwhere(mask)
    for place in ((0, 0), (8, 14), (8, 21), (8, 22), (3, 20)):
        nearest = cdist([place], inside).min()
        for tolerance in (0.0, 1.0, 1.5):
            assert points_at(place, mask, tolerance=tolerance) == (nearest <= tolerance)


def test_the_highest_place_and_what_is_above_a_share():
    values = np.array([[0.0, 1.0], [5.0, 2.0]])
    assert highest(values) == (1, 0)
    assert highest(np.full((5, 9), 3.0)) == (2, 4)  # it points nowhere
    np.testing.assert_array_equal(above_share(values, 0.4), [[False, False], [True, True]])
    np.testing.assert_array_equal(above_share(values, 0.2), [[False, True], [True, True]])
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\], got 1.5"):
        above_share(values, 1.5)


def test_the_cut_is_the_cheapest_of_all_masks():
    draw = np.random.default_rng(0)
    for _ in range(20):
        image = draw.uniform(0, 255, (3, 4, 3))
        first, second, weight = neighbor_weights(image, 2.0)
        assert len(first) == 3 * 3 + 2 * 4 + 2 * 2 * 3
        a, b = draw.uniform(0, 3, (2, 12))
        inside, outside = np.zeros((2, 12), bool)
        inside[3], outside[8] = True, True
        got = min_cut(a, b, first, second, weight, inside, outside)

        def cost(mask, a=a, b=b, first=first, second=second, weight=weight):
            return np.where(mask, a, b).sum() + weight[mask[first] != mask[second]].sum()

        masks = (np.array(bits) for bits in itertools.product([False, True], repeat=12))
        least = min(cost(mask) for mask in masks if mask[3] and not mask[8])
        assert got[3]
        assert not got[8]
        assert cost(got) <= least + 0.05  # costs are rounded to thousandths


def test_neighbors_weigh_by_color_and_distance():
    image = np.zeros((1, 2, 3))
    image[0, 1] = 10, 0, 0
    first, second, weight = neighbor_weights(image, 3.0)
    assert (list(first), list(second)) == ([0], [1])
    np.testing.assert_allclose(weight, 3 * np.exp(-0.5))  # the mean of one square is it
    _, _, weight = neighbor_weights(np.zeros((2, 2, 1)), 1.0)
    np.testing.assert_allclose(sorted(weight), [2**-0.5, 2**-0.5, 1, 1, 1, 1])


def test_an_object_is_cut_out_along_its_color():
    draw, truth = np.random.default_rng(1), disc()
    image = np.where(truth[..., None], (200, 60, 60), (90, 120, 90)) + draw.normal(
        0, 6, (24, 24, 3)
    )
    rows, columns = np.mgrid[:24, :24]
    hint = np.exp(-((rows - 9) ** 2 + (columns - 12) ** 2) / 50)  # coarse, and a little aside
    got = cut_out(image, hint)
    assert mask_iou(got, truth) > 0.97
    assert mask_iou(above_share(hint, 0.5), truth) < 0.8
    assert mask_iou(~got, got) == 0
    assert mask_iou(np.zeros(3, bool), np.zeros(3, bool)) == 1
