"""Pillow and PyAV write films whose frames are known; damaged ones are files cut or mixed."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.clips.film import UnreadableFilm, check_even, open_film
from tests.data.clips.made_films import gray_frames, write_folder, write_gif, write_mp4

av = pytest.importorskip("av")
WRITE = {
    "frames": lambda path, frames: write_folder(path / "frames", frames),
    "gif": lambda path, frames: write_gif(path / "a.gif", frames),
    "mp4": lambda path, frames: write_mp4(path / "a.mp4", frames),
}


@pytest.mark.parametrize("kind", WRITE)
def test_frames_come_in_the_order_of_time(kind, tmp_path):
    film = open_film(WRITE[kind](tmp_path, gray_frames(12)))
    assert (len(film), film.shape) == (12, (16, 24))
    found = film.frames([1, 2, 10])
    assert found.shape == (3, 16, 24, 3)
    assert np.abs(found.mean(axis=(1, 2, 3)) - [8, 16, 80]).max() < 2  # video loses a little
    if kind != "frames":
        np.testing.assert_allclose(film.times, np.arange(12) / 25, atol=1e-6)


def test_a_folder_without_pictures_and_an_empty_file_have_no_frames(tmp_path):
    (tmp_path / "clip").mkdir()
    with pytest.raises(UnreadableFilm, match="clip: there are no frames"):
        open_film(tmp_path / "clip")
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UnreadableFilm, match="a.mp4: the file is empty"):
        open_film(tmp_path / "a.mp4")


def test_frames_of_other_sizes_are_named(tmp_path):
    folder = write_folder(tmp_path / "clip", gray_frames(3))
    write_gif(folder / "3.gif", gray_frames(1, (8, 8)))
    with pytest.raises(UnreadableFilm, match="3.gif: 8 x 8 pixels, 0.png has 16 x 24"):
        open_film(folder)


@pytest.mark.parametrize("kind", WRITE)
def test_a_truncated_film_is_named(kind, tmp_path):
    path = WRITE[kind](
        tmp_path, np.random.default_rng(0).integers(0, 255, (12, 64, 64, 3), np.uint8)
    )
    file = path / "7.png" if kind == "frames" else path
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    with pytest.raises(UnreadableFilm, match=file.name):
        open_film(path).frames(list(range(12)))


def test_a_file_of_text_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("<html>not found</html>")
    with pytest.raises(UnreadableFilm, match="a.mp4: invalid data"):
        open_film(tmp_path / "a.mp4")


def test_a_video_that_breaks_off_says_how_many_frames_it_has(tmp_path, monkeypatch):
    film = open_film(write_mp4(tmp_path / "a.mp4", gray_frames(6)))
    decoded = list(film._decoded())[:4]
    monkeypatch.setattr(film, "_decoded", lambda: iter(decoded))
    with pytest.raises(UnreadableFilm, match="a.mp4: it is cut off, 4 of 6 frames"):
        film.frames([2, 5])


def test_a_variable_frame_rate_is_told(tmp_path):
    check_even(open_film(write_gif(tmp_path / "even.gif", gray_frames(4))))
    gif = open_film(write_gif(tmp_path / "a.gif", gray_frames(4), duration=[40, 200, 40, 40]))
    with pytest.raises(UnreadableFilm, match=r"a.gif: a variable frame rate, 40 to 200 ms.*rate"):
        check_even(gif)
    mp4 = open_film(write_mp4(tmp_path / "a.mp4", gray_frames(5), times=[0, 1, 2, 8, 9]))
    with pytest.raises(UnreadableFilm, match=r"a.mp4: a variable frame rate, 40 to 240 ms"):
        check_even(mp4)


def test_a_video_needs_the_extra(tmp_path, monkeypatch):
    path = write_mp4(tmp_path / "a.mp4", gray_frames(2))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UsageError, match=r'a video needs av .*pip install "jaxdl.video."'):
        open_film(path)
