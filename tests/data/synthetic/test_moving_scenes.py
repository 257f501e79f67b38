"""The pixels judge the boxes of made scenes, and the boxes the ways."""

import numpy as np

from jaxdl.data.synthetic.moving_scenes import CLASSES, MovingScenes, boxes_of

ROWS = MovingScenes(60, seed=3, image_size=(24, 32)).rows(np.arange(60))


def test_a_box_is_around_its_pixels():
    masks = np.zeros((2, 5, 7), bool)
    masks[0, 1:4, 2], masks[0, 3, 5] = True, True
    assert boxes_of(masks).tolist() == [[2, 1, 6, 4], [0, 0, 0, 0]]


def test_arrows_alone_are_the_bright_pixels_in_their_boxes():
    alone = np.flatnonzero(~ROWS["kept"][:, 1])
    assert 8 < len(alone) < 30
    for row in alone:
        for frame, (x1, y1, x2, y2) in zip(
            ROWS["video"][row], ROWS["boxes"][row, :, 0], strict=True
        ):
            rows, columns = np.nonzero(frame.min(axis=-1) > 100)
            assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == [
                x1,
                y1,
                x2,
                y2,
            ]


def test_boxes_stay_in_the_picture_and_go_where_their_name_says():
    boxes = ROWS["boxes"]
    assert boxes.min() >= 0
    assert (boxes.max(axis=(0, 1, 2)) <= [32, 24, 32, 24]).all()
    moved = (boxes[:, -1] + 0 - boxes[:, 0])[..., :2]  # (n, 2, 2)
    ways = {"still": (0, 0), "right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
    for label, name in enumerate(CLASSES):
        own = moved[ROWS["kept"] & (ROWS["labels"] == label)]
        assert len(own) > 5
        assert (np.sign(np.where(abs(own) > 2, own, 0)) == ways[name]).all()
