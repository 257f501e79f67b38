"""Polygons and run lengths against pycocotools."""

import numpy as np
import pytest
from scipy import ndimage

from jaxdl.checks import DataError
from jaxdl.data.files.coco_masks import decode_mask, segment_fault

coco = pytest.importorskip("pycocotools.mask")
RNG = np.random.default_rng(0)


def polygons(count, width, height):
    for _ in range(count):
        corners = RNG.integers(3, 12)
        points = RNG.uniform(-0.3, 1.3, (corners, 2)) * [width, height]
        yield points if RNG.random() < 0.5 else np.round(points)


@pytest.mark.parametrize("shape", [(30, 40), (57, 23)])
def test_polygons_are_pycocotools(shape):
    for points in polygons(150, shape[1], shape[0]):
        flat = points.ravel().tolist()
        want = coco.decode(coco.frPyObjects([flat], *shape))[..., 0]
        np.testing.assert_array_equal(decode_mask([flat], shape), want)


def test_several_polygons_are_one_mask():
    two = [p.ravel().tolist() for p in polygons(2, 40, 30)]
    want = coco.decode(coco.merge(coco.frPyObjects(two, 30, 40)))
    np.testing.assert_array_equal(decode_mask(two, (30, 40)), want)
    assert not decode_mask([], (30, 40)).any()


def test_a_square_covers_its_pixels():
    want = np.zeros((8, 9), bool)
    want[2:5, 3:7] = True
    np.testing.assert_array_equal(decode_mask([[3, 2, 7, 2, 7, 5, 3, 5]], (8, 9)), want)
    doubled = [3, 2, 3, 2, 7, 2, 7, 5, 3, 5]  # a corner twice
    np.testing.assert_array_equal(decode_mask([doubled], (8, 9)), want)


@pytest.mark.parametrize("shape", [(30, 40), (200, 150)])
@pytest.mark.parametrize("smooth", [0, 3])
def test_run_lengths_packed_and_plain_are_pycocotools(shape, smooth):
    for _ in range(20):
        mask = ndimage.gaussian_filter(RNG.normal(size=shape), smooth) > 0
        packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        np.testing.assert_array_equal(decode_mask(packed, shape), mask)
        text = {"size": list(shape), "counts": packed["counts"].decode()}
        np.testing.assert_array_equal(decode_mask(text, shape), mask)
        flat = np.concatenate([[0], mask.T.ravel().astype(int), [-1]])
        edges = np.flatnonzero(np.diff(flat))
        runs = np.diff(np.concatenate([[-1], edges])) - np.eye(1, len(edges), dtype=int)[0]
        plain = {"size": list(shape), "counts": runs.tolist()}
        np.testing.assert_array_equal(decode_mask(plain, shape), mask)


@pytest.mark.parametrize("fill", [0, 1])
def test_empty_and_full_masks(fill):
    mask = np.full((6, 5), fill, np.uint8)
    np.testing.assert_array_equal(decode_mask(coco.encode(np.asfortranarray(mask)), (6, 5)), mask)


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ({"size": [4, 4], "counts": [3, 4]}, "sum to 7, not 4"),
        ({"size": [4, 4], "counts": [20, -4]}, "sum to 16"),
        ({"size": [5, 4], "counts": [20]}, r"size is \[5, 4\], the image has 4x4"),
        ({"size": [4, 4], "counts": "0\x01"}, "character"),
        ([[1, 2, 3, 4]], "three x, y pairs, got 4"),
        ([[1, 2, 3, 4, 5, float("nan")]], "three x, y pairs"),
        ([[1, 2, 3, 4, 5, 1e12]], r"reaches to 1e\+12, far beyond 4x4"),
        ({"size": [4, 4], "counts": [1e30]}, "sum to 1e\\+30"),
        ({"size": [4, 4], "counts": [15.5, 0.5]}, "run lengths"),
        ({"size": [4, 4], "counts": "o" * 900 + "0"}, "run lengths sum"),
    ],
)
def test_damaged_masks_are_errors(segment, words):
    with pytest.raises(DataError, match=words):
        decode_mask(segment, (4, 4))


SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
USELESS = {
    "no pixel": {"size": [4, 4], "counts": [16]},
    "no area in the picture": [[1, 1, 1, 1, 1, 1], [0, 0, 2, 2, 3, 3]],
    "area in the picture": [[5, 1, 7, 1, 7, 3]],
    "polygons or run lengths, got \\[\\]": [],
    "polygons or run lengths, got nothing": None,
    "three x, y pairs": [[]],
}


@pytest.mark.parametrize("words", USELESS)
def test_masks_of_nothing_are_faults(words):
    with pytest.raises(AssertionError, match=words):
        assert segment_fault(USELESS[words], (4, 4)) == ""
    assert segment_fault([SQUARE, [1, 1, 1, 1, 1, 1]], (4, 4)) == ""
    assert segment_fault({"size": [4, 4], "counts": [3, 1, 12]}, (4, 4)) == ""
