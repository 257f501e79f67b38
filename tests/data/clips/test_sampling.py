"""Worked examples judge which frames are taken, and 1080p's 11 GB per minute."""

import numpy as np
import pytest

from jaxdl.data.clips.sampling import at_rate, clip_places, raw_bytes


def test_a_minute_of_1080p_at_30_frames_takes_11_gigabytes():
    assert raw_bytes(1080, 1920, 30, 60) == 1080 * 1920 * 3 * 1800 == 11_197_440_000
    # 5 frames per second of 112 x 112: a thousandth of it.
    assert raw_bytes(112, 112, 5, 60) / raw_bytes(1080, 1920, 30, 60) == pytest.approx(
        0.001, rel=0.02
    )


def test_uniform_frames_are_the_middles_of_equal_parts():
    assert clip_places(20, 4, way="uniform").tolist() == [[2, 7, 12, 17]]
    assert clip_places(20, 4, way="uniform", clips=2).tolist() == [[1, 6, 11, 16], [3, 8, 13, 18]]
    assert clip_places(2, 4, way="uniform").tolist() == [[0, 0, 1, 1]]


def test_dense_clips_begin_evenly_from_the_first_to_the_last_start():
    assert clip_places(10, 4, way="dense", clips=3).tolist() == [
        [0, 1, 2, 3],
        [3, 4, 5, 6],
        [6, 7, 8, 9],
    ]
    assert clip_places(10, 4, way="dense").tolist() == [[3, 4, 5, 6]]
    assert clip_places(2, 4, way="dense").tolist() == [[0, 1, 1, 1]]  # the last frame stands


def test_random_clips_begin_at_every_start_alike_and_never_too_late():
    starts = np.linspace(0, 1, 700, endpoint=False)
    places = clip_places(10, 4, way="random", clips=700, starts=starts)
    assert np.bincount(places[:, 0]).tolist() == [100] * 7
    assert (np.diff(places, axis=1) == 1).all()
    with pytest.raises(ValueError, match="need starts, one for each of 2"):
        clip_places(10, 4, way="random", clips=2)


def test_frames_at_a_rate_are_those_that_are_shown_then():
    film = np.arange(30) / 30  # one second at 30
    assert at_rate(film, 10).tolist() == list(range(0, 30, 3))
    assert at_rate(film, 30).tolist() == list(range(30))
    assert at_rate(np.arange(2) / 2, 4).tolist() == [0, 0, 1, 1]  # each twice
    assert at_rate(np.array([0, 0.1, 0.2, 0.7, 0.8, 0.9]), 10).tolist() == [
        *[0, 1, 2, 2, 2, 2, 2, 3, 4, 5],  # one frame stays for half a second
    ]


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="must be one of uniform, dense, random, got 'all'"):
        clip_places(4, 2, way="all")
