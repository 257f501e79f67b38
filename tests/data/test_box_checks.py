"""Boxes with planted faults are counted, dropped or refused, and padded by hand."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.box_checks import BoxCheck, box_fault, clip_boxes, pad_objects
from jaxdl.data.images.letterbox import letterbox, letterbox_masks, letterbox_scale
from jaxdl.data.synthetic.outlines import tight_boxes

SHAPE = (100, 200)
GOOD = np.array([[10, 20, 50, 60], [0, 0, 200, 100], [184, 90, 210, 101]], np.float32)
NAN = float("nan")
FAULTS = {
    "inverted": [50, 20, 10, 60],
    "upside down": [10, 60, 50, 20],
    "no width": [10, 20, 10, 60],
    "no height": [10, 20, 50, 20],
    "outside": [210, 20, 250, 60],
    "mostly outside": [180, 20, 250, 60],
    "nan": [10, NAN, 50, 60],
    "infinite": [10, 20, float("inf"), 60],
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("count", [101, 99])
def test_bad_boxes_are_dropped_below_one_percent_and_an_error_from_there_on(name, count):
    boxes = np.array([GOOD[0]] * (count - 1) + [FAULTS[name]], np.float32)
    check = BoxCheck("set x")
    good = check.good("000017", boxes, SHAPE)
    np.testing.assert_array_equal(good, np.arange(count) < count - 1)
    assert len(check.dropped) == 1
    if count == 101:
        check.finish()
    else:
        with pytest.raises(DataError, match=r"set x: 1 of 99 boxes.*image 000017") as error:
            check.finish()
        assert error.value.code == 6


@pytest.mark.parametrize("fraction", [0.01, 0.5])
def test_the_bound_is_an_option(fraction):
    check = BoxCheck("set", fraction=fraction)
    check.good("a", np.array([GOOD[0], GOOD[0], FAULTS["nan"]], np.float32), SHAPE)
    if fraction < 0.3:
        with pytest.raises(DataError, match="1 of 3"):
            check.finish()
    else:
        check.finish()


def test_good_boxes_are_left_and_cut_at_the_edge():
    assert [box_fault(box, SHAPE) for box in GOOD] == ["", "", ""]
    np.testing.assert_array_equal(clip_boxes(GOOD, SHAPE)[2], [184, 90, 200, 100])
    check = BoxCheck("set")
    assert check.good("a", np.zeros((0, 4)), SHAPE).shape == (0,)  # an image without boxes
    check.finish()


def test_fractions_are_recognized():
    check = BoxCheck("set")
    check.good("a", np.array([[0.1, 0.2, 0.5, 0.6], [0.3, 0.1, 0.9, 1.0]]), SHAPE)
    with pytest.raises(DataError, match="look like fractions"):
        check.finish()


def test_corners_given_as_width_and_height_are_recognized():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 90, (200, 2))
    high = low + rng.uniform(5, 100, (200, 2))
    mistaken = np.concatenate([low, low + high], axis=1)  # x, y, x + x2, y + y2
    check = BoxCheck("set")
    check.good("a", mistaken, (100, 200))
    with pytest.raises(DataError, match="x, y, width, height"):
        check.finish()


@pytest.mark.parametrize("most", [2, 5])
def test_objects_are_padded_or_the_largest_kept(most):
    arrays = {
        "boxes": GOOD,
        "labels": np.array([7, 8, 9], np.int32),
        "masks": np.ones((3, 4, 4), bool),
    }
    made = pad_objects(arrays, most)
    rows = [0, 1] if most == 2 else [0, 1, 2]
    np.testing.assert_array_equal(made["kept"], np.arange(most) < len(rows))
    for name, value in arrays.items():
        assert made[name].shape == (most, *value.shape[1:])
        assert made[name].dtype == value.dtype
        np.testing.assert_array_equal(made[name][: len(rows)], value[rows])
        assert not made[name][len(rows) :].any()


def test_an_image_without_objects_is_all_padding():
    made = pad_objects({"boxes": np.zeros((0, 4), np.float32)}, 3)
    assert not made["kept"].any()
    assert made["boxes"].shape == (3, 4)


@pytest.mark.parametrize("size", [(40, 40), (64, 20)])
@pytest.mark.parametrize("keep_shape", [True, False])
def test_a_fitted_picture_takes_its_boxes_and_masks_along(size, keep_shape):
    rng = np.random.default_rng(0)
    for shape in [(60, 90), (90, 33)]:
        for _ in range(10):
            x, y = np.sort(rng.integers(0, shape[1], 2)), np.sort(rng.integers(0, shape[0], 2))
            x[1], y[1] = max(x[1], x[0] + 8), max(y[1], y[0] + 8)
            mask = np.zeros(shape, bool)
            mask[y[0] : y[1], x[0] : x[1]] = True
            image = np.where(mask, 255, 90).astype(np.uint8)[..., None]
            box = tight_boxes(mask[None])[0]
            scale = letterbox_scale(shape, size, keep_shape=keep_shape)
            fitted = letterbox(image, size, keep_shape=keep_shape)
            moved = letterbox_masks(mask[None], size, keep_shape=keep_shape)
            assert fitted.shape == (*size, 1)
            np.testing.assert_allclose(tight_boxes(moved)[0], box * np.tile(scale, 2), atol=1.0)
            bright = fitted[..., 0] > 172
            assert (bright != moved[0]).mean() < 0.06
            assert (scale[0] == pytest.approx(scale[1], rel=0.05)) or not keep_shape
            height, width = np.round(np.array(shape) * scale[::-1]).astype(int)
            assert (height, width) == size or keep_shape
            assert height == size[0] or width == size[1]
            assert not fitted[height:].any()
            assert not fitted[:, width:].any()
            assert fitted[:height, :width].min() > 80


def test_boxes_met_again_count_once_and_those_beyond_the_edge_are_named():
    check = BoxCheck("set")
    boxes = np.array([GOOD[0], FAULTS["nan"], FAULTS["nan"], [-3, 20, 50, 60]], np.float32)
    for _ in range(3):  # epochs of a stream
        check.good("a", boxes, SHAPE, objects=("one", "two", "three", "four"))
    assert check.remarks() == [
        "left out 2 objects: is not finite (image a, two, image a, three)",
        "boxes that reach beyond their picture and are cut: 1 (image a, four)",
    ]
    known = BoxCheck("set", fraction=0.5)
    good = known.good("b", boxes[:2], SHAPE, known=("it has no mask", ""))
    assert good.tolist() == [False, False]
    with pytest.raises(DataError, match=r"no mask; image b: box \[10.* not finite\. In COCO"):
        known.finish()
    known = BoxCheck("set")
    known.good("b", boxes[:1], SHAPE, known=("it has no mask",))
    with pytest.raises(DataError, match="image b: it has no mask$"):
        known.finish()
