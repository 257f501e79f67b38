"""What is said of the masks and keypoints of a set, counted by hand."""

import numpy as np

from jaxdl.data.skeleton import Skeleton
from jaxdl.data.splits.split import Split
from jaxdl.data.summary import count_parts, draw_examples


def test_masks_and_keypoints_are_counted_of_real_objects_alone():
    masks = np.zeros((2, 3, 10, 10), bool)
    masks[0, 0, :5] = masks[0, 1, 0] = masks[1, 2] = True  # the last is padding
    visible = np.zeros((2, 3, 2), bool)
    visible[0, 0] = visible[0, 1, 0] = visible[1, 2] = True
    rows = {
        "image": np.zeros((2, 10, 10, 3), np.uint8),
        "boxes": np.tile(np.float32([1, 1, 5, 5]), (2, 3, 1)),
        "labels": np.zeros((2, 3), np.int32),
        "kept": np.array([[True, True, True], [False] * 3]),
        "masks": masks,
        "points": np.ones((2, 3, 2, 2), np.float32),
        "visible": visible,
    }
    split = Split(rows, ("cat",), batch_size=2, skeleton=Skeleton(("nose", "tail")))
    assert count_parts(split, rows) == [
        "2 of 3 objects have a mask, of 30.0% of a picture",
        "2 of 3 objects have keypoints: nose 2, tail 1",
    ]
    assert count_parts(split, {"image": rows["image"]}) == []
    figure = draw_examples(split).figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cat"]
    assert sorted(len(axis.texts) for axis in figure.axes) == [0, 3]
