"""Masks and keypoints move with their picture: against scikit-image, and by what is outermost."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.synthetic.outlines import outermost_points, tight_boxes
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.prepare import BoxImageConfig, augment, prepare_boxes

ROWS, SIDE = 12, 40
FIELDS = ("image", "boxes", "labels", "kept", "masks", "points", "visible")
MOVES = [{"flip": True}, {"crop": 5, "flip": True}, {"zoom": 0.5, "flip": True}]
KEYS = jax.random.split(jax.random.key(4), ROWS)


@pytest.fixture(scope="module")
def rows():
    return Shapes(ROWS, 3, image_size=(SIDE, SIDE), fields=FIELDS).rows(np.arange(ROWS))


@functools.cache
def program(cfg, mirrored, train):
    return jax.jit(functools.partial(prepare_boxes(cfg, mirrored), train=train))


def moved(rows, options, mirrored=Shapes.skeleton.mirrored, train=True):
    made = program(BoxImageConfig(**options), mirrored, train)(KEYS, rows)
    return {name: np.asarray(value) for name, value in made.items()}


def matrices(rows, options):
    """What `augment` says that it does to the pictures."""
    move = augment(BoxImageConfig(**options), KEYS, jnp.asarray(rows["image"]))[1]
    return np.asarray(move.matrix, np.float64)


@pytest.mark.parametrize("options", MOVES)
def test_masks_are_those_of_scikit_image(rows, options):
    transform = pytest.importorskip("skimage.transform")
    made = moved(rows, options)
    middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # whole numbers are pixels' centers
    for i, matrix in enumerate(matrices(rows, options)):
        # A hair off the edges of pixels, on which centers of a zoom may fall.
        move = np.linalg.inv(middle) @ np.vstack([matrix, [0, 0, 1]]) @ middle
        move[:2, 2] += 1e-4
        for n in range(rows["masks"].shape[1]):
            mask = rows["masks"][i, n].astype(np.float64)
            want = transform.warp(mask, transform.AffineTransform(move), order=0) > 0.5
            np.testing.assert_array_equal(made["masks"][i, n], want)


@pytest.mark.parametrize("options", MOVES)
def test_points_stay_the_outermost_of_their_masks(rows, options):
    made = moved(rows, options)
    masks = made["masks"].reshape(-1, SIDE, SIDE)
    boxes = tight_boxes(masks)
    want = outermost_points(masks, boxes).reshape(made["points"].shape)
    whole = (boxes > 0) & (boxes < SIDE)  # nothing of it can have left the picture
    whole = whole.all(axis=1).reshape(made["kept"].shape) & made["kept"]
    assert made["visible"][whole].all()
    off = 1e-4 if "zoom" not in options else 2.0  # half an old pixel, twice as large, and a new one
    np.testing.assert_allclose(made["points"][whole], want[whole], atol=off)
    swapped = matrices(rows, options)[:, 0, 0] < 0
    assert 0 < whole[swapped].sum() < whole.sum()
    unnamed = moved(rows, options, mirrored=())["points"]
    kept = made["points"][whole & swapped[:, None]]
    assert np.abs(unnamed[whole & swapped[:, None]] - kept).max() > 3  # left is still called left


def test_points_beyond_the_picture_are_no_longer_visible(rows):
    for options in MOVES[1:]:
        made = moved(rows, options)
        assert made["visible"].sum() < rows["visible"].sum()
        assert ((made["points"] >= 0) & (made["points"] <= SIDE)).all()
        assert (made["points"][~made["visible"]] == 0).all()
        assert not made["visible"][~made["kept"]].any()


def test_empty_masks_and_points_that_are_none(rows):
    bad = {name: value.copy() for name, value in rows.items()}
    bad["masks"][0, 0] = False
    bad["points"][1, 0, 0] = np.nan
    bad["points"][1, 0, 1] = [-3, 5]
    bad["points"][2, 0, 2] = [4, np.inf]
    bad["visible"][3] = False
    plain = moved(bad, {"flip": True})
    assert plain["kept"].sum() == rows["kept"].sum() - 1
    assert not plain["kept"][0, 0]
    assert (plain["boxes"][0, 0] == 0).all()
    assert plain["visible"][1, 0].sum() == 2
    assert plain["visible"][2, 0].sum() == 3
    assert not plain["visible"][3].any()
    assert np.isfinite(plain["points"]).all()
    test = moved(bad, {"flip": True}, train=False)
    assert test["kept"].sum() == rows["kept"].sum()  # it counts as missed where it is not found
    np.testing.assert_array_equal(test["masks"], bad["masks"])
