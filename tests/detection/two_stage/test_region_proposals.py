"""Regions of like color and windows hold the objects of images made by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.two_stage.region_proposals import (
    color_regions,
    recall_of,
    sliding_windows,
)
from jaxdl.ops.boxes.geometry import iou


def test_regions_of_like_color_hold_the_objects():
    image = np.full((1, 40, 50, 3), 90, np.uint8)
    image[0, 5:20, 8:30] = (250, 20, 20)
    image[0, 22:37, 30:45] = (20, 20, 250)
    made = color_regions(image, most=20)
    boxes = made["proposals"][0][made["proposed"][0]]
    truth = np.array([[8, 5, 30, 20], [30, 22, 45, 37]], np.float32)
    assert (np.asarray(iou(jnp.array(truth), jnp.array(boxes))).max(axis=1) > 0.8).all()
    assert not made["proposals"][0][~made["proposed"][0]].any()
    assert color_regions(image, most=2)["proposed"].sum() == 2
    rows = Shapes(20, image_size=(64, 64)).rows(np.arange(20))
    found = color_regions(rows["image"], most=48)
    assert recall_of(**found, boxes=rows["boxes"], kept=rows["kept"]) > 0.8
    assert (
        recall_of(found["proposals"], 0 * found["proposed"] > 1, rows["boxes"], rows["kept"]) == 0
    )


def test_a_picture_of_one_color_has_itself_as_region():
    made = color_regions(np.full((2, 20, 30, 3), 7, np.uint8), most=3)
    np.testing.assert_array_equal(made["proposals"][0, 0], [0, 0, 30, 20])
    assert made["proposed"].sum() == 2


@pytest.mark.parametrize(("step", "count"), [(0.5, 3 * 4), (1.0, 2 * 2)])
def test_windows_cover_the_picture(step, count):
    made = sliding_windows(np.zeros((2, 32, 40, 3), np.uint8), sides=(16,), step=step)
    assert made["proposals"].shape == (2, len(made["proposals"][0]), 4)
    boxes = made["proposals"][1]
    covered = np.zeros((32, 40), bool)
    for x1, y1, x2, y2 in boxes.astype(int):
        assert (x2 - x1, y2 - y1) == (16, 16)
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    assert len(boxes) >= count
    whole = sliding_windows(np.zeros((1, 8, 8, 3), np.uint8), sides=(16,))
    assert whole["proposals"].shape == (1, 1, 4)
