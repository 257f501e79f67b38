"""Strips of frames against the frames themselves."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.video.draw_clips import draw_clips, film_strip, save_film


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


def test_a_film_shows_each_frame_under_the_title_and_the_last_of_a_shorter_clip(tmp_path):
    long = (np.arange(3, dtype=np.uint8) * 80)[:, None, None, None] * np.ones(
        (1, 8, 16, 3), np.uint8
    )
    path = save_film([long, long[:2]], ["a: b", "c"], tmp_path / "clips.gif", rate=5)
    shown = []
    with Image.open(path) as film:
        assert (film.n_frames, film.info["duration"], film.size) == (3, 200, (2 * 136, 98))
        for i in range(3):
            film.seek(i)
            picture = np.asarray(film.convert("L")).astype(int)
            shown.append((picture[60, 60], picture[60, 200]))
            assert (picture[:30, :30] < 128).any()  # the title
    np.testing.assert_allclose(shown, [(0, 0), (80, 80), (160, 80)], atol=4)


def test_gray_clips_are_drawn_in_gray(tmp_path):
    clip = np.full((2, 8, 16, 1), 160, np.uint8)
    with Image.open(save_film([clip], ["gray"], tmp_path / "clips.gif")) as film:
        np.testing.assert_allclose(film.convert("RGB").getpixel((60, 60)), 160, atol=4)
    picture = draw_clips([clip], ["gray"]).save(tmp_path / "clips.png")
    shown = np.asarray(Image.open(picture).convert("RGB"))
    assert ((shown == 160).all(axis=-1)).sum() > 1000
