"""Panoptic pictures against NumPy loops; the held set where it is prepared."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.registry import open_dataset
from jaxdl.data.tfds.panoptic import segment_classes


def test_ids_are_colors_and_crowds_are_void():
    colors = np.zeros((2, 3, 3), np.uint8)
    colors[0, 0] = (5, 1, 0)  # 261
    colors[0, 1] = (0, 0, 2)  # 131072
    colors[1] = (9, 0, 0)
    objects = {"id": [261, 9, 131072], "label": [3, 7, 0], "is_crowd": [False, True, False]}
    got = segment_classes(colors, objects)
    np.testing.assert_array_equal(got, [[3, 0, 255], [255, 255, 255]])
    colors[1, 1] = (1, 0, 0)
    with pytest.raises(DataError, match="the segment 1, its objects have not"):
        segment_classes(colors, objects)


def test_a_set_without_classes_of_pixels_says_so():
    try:
        cfg = data_config("coco/2017", annotations="segments")
        with pytest.raises(DataError, match=r"needs panoptic_image and panoptic_objects"):
            open_dataset(cfg)
    except DataError as error:
        pytest.skip(str(error))


def test_the_held_pictures_have_classes_where_their_boxes_are():
    cfg = data_config("coco/2017_panoptic", annotations="segments", image_size=(64,))
    try:
        opened = open_dataset(cfg)
    except DataError as error:
        pytest.skip(str(error))
    boxes = open_dataset(data_config("coco/2017_panoptic", image_size=(64,)))
    assert len(opened.classes) == 133
    for i in range(4):
        row, other = opened.splits["train"][i], boxes.splits["train"][i]
        np.testing.assert_array_equal(row["image"], other["image"])
        labels = set(other["labels"][other["kept"] & ~other["difficult"]].tolist())
        assert set(np.unique(row["segments"]).tolist()) - {255} <= labels
