"""Worked scenes judge the links between frames; SciPy's Hungarian algorithm is theirs."""

import numpy as np

from jaxdl.video.localization.tracker import label_tracks, link_boxes


def square(x, y=0, side=10):
    return [x, y, x + side, y + side]


def test_two_that_go_apart_are_two_tracks_in_whatever_order_they_are_found():
    frames = [[square(0), square(40)], [square(38), square(2)], [square(4), square(36)]]
    tracks = link_boxes([np.array(f, float) for f in frames])
    assert [(t.frames, t.places) for t in tracks] == [
        ([0, 1, 2], [0, 1, 0]),
        ([0, 1, 2], [1, 0, 1]),
    ]


def test_the_sum_of_overlaps_decides_where_the_nearest_would_take_both():
    """Old A at 0 and B at 6; new C at 4 and D at 12. IoU: A-C 6/14, B-C 8/12, B-D 4/16, A-D 0.

    B would take C; but A-C and B-D together, .43 + .25, are more than B-C alone, .67.
    """
    tracks = link_boxes([np.array([square(0), square(6)]), np.array([square(4), square(12)])])
    assert [t.places for t in tracks] == [[0, 0], [1, 1]]
    # Where B-D is under the least, B takes C.
    old, new = np.array([square(0), square(6)]), np.array([square(4), square(12)])
    tracks = link_boxes([old, new], least_iou=0.3)
    assert sorted(t.places for t in tracks) == [[0], [1], [1, 0]]


def test_a_track_ends_in_a_frame_without_boxes_and_another_begins_after_it():
    none = np.zeros((0, 4))
    tracks = link_boxes([none, np.array([square(0)]), none, np.array([square(0)])])
    assert [(t.frames, t.places) for t in tracks] == [([1], [0]), ([3], [0])]


def test_a_track_is_called_what_its_frames_say_together():
    tracks = link_boxes([np.array([square(x)]) for x in (0, 1, 2)])
    logits = [np.array([row]) for row in ([2.0, 0.0], [0.0, 1.0], [0.1, 0.0])]
    told = label_tracks(tracks, logits)
    want = np.exp([2.1 / 3, 1 / 3]) / np.exp([2.1 / 3, 1 / 3]).sum()
    np.testing.assert_allclose(np.concatenate(told), [want] * 3)
