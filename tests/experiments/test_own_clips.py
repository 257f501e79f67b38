"""One's own films from the folder to a GIF: the commands of the documentation, two steps long."""

import pytest

from jaxdl.cli import main
from tests.data.clips.made_films import gray_frames, write_folder, write_gif


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main(argv=[str(word) for word in words])
    return ended.value.code


def test_a_folder_of_films_is_checked_learned_and_shown(tmp_path, capsys):
    films, run = tmp_path / "films", tmp_path / "run"
    for i in range(3):
        write_folder(films / "dark" / str(i), gray_frames(6, step=4))
        write_gif(films / "bright" / f"{i}.gif", 255 - gray_frames(7, step=4))
    small = [*("--data.image_size", 8, "--data.clip_frames", 4, "--data.batch_size", 2)]
    assert call("check-data", "own_clips", "--data.path", films, *small) == 0
    assert "nothing is wrong in 6 rows" in capsys.readouterr().out
    net = [*("--model.features", 2, "--model.pools", 2, "--loop.epochs", "None")]
    steps = ["--loop.steps", 2, "--loop.devices", 1, "--run-dir", run]
    assert call("run", "own_clips", "--data.path", films, *small, *net, *steps) == 0
    assert "test_accuracy" in capsys.readouterr().out
    assert call("show", "run", run) == 0
    out = capsys.readouterr().out
    assert "clips.gif" in out
    assert (run / "shown" / "clips.gif").read_bytes()[:4] == b"GIF8"
