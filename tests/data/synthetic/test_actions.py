"""What each action does to x and y judges the made recordings."""

import numpy as np

from jaxdl.data.synthetic.actions import CLASSES, NOISE, SLOTS, Actions

ROWS = Actions(200, seed=1).rows(np.arange(200))


def inside(row, slot):
    start, end = ROWS["segments"][row, slot]
    return ROWS["signal"][row, int(np.ceil(start)) : int(end)]


def test_segments_are_long_enough_apart_and_within_the_recording():
    kept, segments = ROWS["kept"], ROWS["segments"]
    lasts = (segments[..., 1] - segments[..., 0])[kept]
    assert (lasts >= 8).all()
    assert (lasts <= 32).all()
    assert 0.7 < kept.mean() < 0.9
    third = segments // 32
    assert (
        third[kept] == np.broadcast_to(np.arange(SLOTS)[:, None], third.shape)[kept]
    ).mean() > 0.99


def test_each_action_moves_what_its_name_says():
    for label, name in enumerate(CLASSES):
        own = np.argwhere(ROWS["kept"] & (ROWS["labels"] == label))
        spread = np.mean([inside(*place).std(axis=0) for place in own], axis=0)
        moves = {
            "wave": (True, False),
            "nod": (False, True),
            "circle": (True, True),
            "jump": (False, True),
        }
        assert tuple(spread > 1.5 * NOISE) == moves[name]
    jumps = np.argwhere(ROWS["kept"] & (ROWS["labels"] == CLASSES.index("jump")))
    assert np.mean([inside(*place)[:, 1].mean() for place in jumps]) > 0.3  # up, and never below


def test_between_actions_there_is_noise_alone():
    steps = np.arange(96)
    rest = np.ones((200, 96), bool)
    for row, slot in np.argwhere(ROWS["kept"]):
        start, end = ROWS["segments"][row, slot]
        rest[row] &= (steps + 1 < start) | (steps > end)
    noise = ROWS["signal"][rest]
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - NOISE) < 0.01
