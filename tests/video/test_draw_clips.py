"""Strips of frames against the frames themselves."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.video.draw_clips import draw_clips, film_strip


def test_frames_stand_side_by_side_with_a_white_line_between():
    clip = np.arange(3 * 2 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 3)
    strip = film_strip(clip)
    assert strip.shape == (2, 14, 3)
    for t in range(3):
        np.testing.assert_array_equal(strip[:, 5 * t : 5 * t + 4], clip[t])
    assert (strip[:, [4, 9]] == 255).all()
    np.testing.assert_array_equal(film_strip(clip, border=0), np.concatenate(list(clip), axis=1))
    with pytest.raises(ValueError, match="4 axes"):
        film_strip(clip[0])


def test_a_figure_has_a_strip_for_each_clip(tmp_path):
    clips = np.zeros((2, 3, 8, 8, 3), np.uint8)
    clips[1, :, :, :, 0] = 255
    path = draw_clips(clips, ["black", "red"]).save(tmp_path / "clips.png")
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    red = (picture == (255, 0, 0)).all(axis=-1)
    black = (picture == (0, 0, 0)).all(axis=-1)
    assert np.flatnonzero(red.any(1)).min() > np.flatnonzero(black.sum(1) > 100).max()
