"""Keypoints outside their picture, on its edge and as fractions: counted by hand."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.notes import Notes
from jaxdl.data.point_checks import OUTSIDE, PointCheck

SHAPE = (20, 30)
POINTS = np.array([[[5.0, 6], [30.6, 20.4]], [[-4, 3], [29, 19]], [[9, 9], [7, 99]]])
SEEN = np.array([[True, True], [True, True], [True, False]])


def test_points_outside_are_no_longer_visible_and_named():
    notes = Notes()
    check = PointCheck("a.json", notes, fraction=0.5)
    made = check.good("7 (b.jpg)", POINTS, SEEN, SHAPE, objects=("x[0]", "x[1]", "x[2]"))
    np.testing.assert_array_equal(made["visible"], SEEN & np.array([[1, 1], [0, 1], [1, 1]], bool))
    np.testing.assert_array_equal(made["points"][0], [[5, 6], [30, 20]])  # rounding: at the edge
    assert (made["points"][~made["visible"]] == 0).all()
    assert notes.left_out == {OUTSIDE: ["image 7 (b.jpg), x[1], keypoint 1 at [-4.0, 3.0]"]}
    check.good("8", POINTS[:1], ~SEEN[:1], SHAPE)
    check.finish()
    assert notes.taken == ["objects without a labeled keypoint: 1 of 4"]


def test_many_outside_or_within_two_pixels_are_an_error():
    check = PointCheck("a.json", Notes())
    check.good("7", POINTS, SEEN, SHAPE)
    with pytest.raises(DataError, match=r"a.json: 1 of 5 keypoints .*image 7, keypoint 1 at \[-4"):
        check.finish()
    check = PointCheck("a.json", Notes())
    check.good("7", POINTS / [30, 20], SEEN, SHAPE)
    with pytest.raises(DataError, match=r"look like fractions"):
        check.finish()
