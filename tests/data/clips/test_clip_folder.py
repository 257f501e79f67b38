"""Films of known frames judge rows of a folder of them, read as a person's own data."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.cli import main
from jaxdl.data.clips.clip_folder import ClipFolder
from jaxdl.data.config import data_config
from jaxdl.data.load import open_splits
from tests.data.clips.made_films import gray_frames, write_folder, write_gif


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two classes with three films each: dark and bright, of 16 and of 8 frames."""
    root = tmp_path_factory.mktemp("films")
    for i in range(3):
        write_folder(root / "dark" / str(i), gray_frames(16, step=4))
        write_gif(root / "bright" / f"{i}.gif", 255 - gray_frames(8, step=4))
    return root


def options(root, **more):
    return data_config("clips", path=str(root), image_size=(8, 8), clip_frames=4, **more)


def test_rows_are_clips_with_the_label_of_their_folder(films):
    source = ClipFolder(films, options(films))
    assert source.classes == ("bright", "dark")
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1]
    video = source[3]["video"]
    assert (video.shape, video.dtype) == ((4, 8, 8, 3), np.uint8)
    assert video[:, 0, 0, 0].tolist() == [8, 24, 40, 56]  # frames 2, 6, 10 and 14
    assert "6 films of 0.1 MB as pixels, 6 clips of them of 0.0 MB" in source.remarks()[0]


def test_several_clips_of_a_film_stand_in_one_row(films):
    dense = ClipFolder(films, options(films, sampling="dense", clips=3))[4]["video"]
    assert dense[:, :, 0, 0, 0].tolist() == [[0, 4, 8, 12], [24, 28, 32, 36], [48, 52, 56, 60]]
    rows = [ClipFolder(films, options(films, sampling="random", seed=s))[3] for s in range(9)]
    begin = {int(row["video"][0, 0, 0, 0]) for row in rows}
    assert len(begin) > 3
    assert all((np.diff(row["video"][:, 0, 0, 0].astype(int)) == 4).all() for row in rows)


def test_a_lower_rate_takes_every_so_many_frames(films):
    half = ClipFolder(films, options(films, sampling="dense", rate=12.5))[0]["video"]
    assert (255 - half[:, 0, 0, 0]).tolist() == [0, 8, 16, 24]


def test_the_whole_is_cut_into_splits(films):
    splits = open_splits(options(films))
    assert (splits["train"].size, splits["test"].size) == (5, 1)


def test_check_data_names_what_is_wrong(films, tmp_path, capsys):
    for i in range(2):
        write_folder(tmp_path / "a" / str(i), gray_frames(6))
    write_folder(tmp_path / "b" / "short", gray_frames(2))
    (tmp_path / "b" / "empty").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("x")
    size = ["--image_size", "8", "--clip_frames", "4"]
    with pytest.raises(SystemExit) as ended:
        main(argv=["check-data", "clips", "--path", str(tmp_path), *size])
    assert ended.value.code == 6
    out = capsys.readouterr().out
    assert "b/empty: there are no frames" in out
    assert "b/notes.txt: left out: it is no film" in out
    assert "b/short has 2 frames, a clip 4" in out
    assert "3 faults in 3 rows" in out


def test_a_folder_of_no_classes_and_one_of_no_films_are_refused(tmp_path):
    with pytest.raises(DataError, match="has no sub-folders; put the films of each class into"):
        ClipFolder(tmp_path, options(tmp_path))
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="class folder .*a has no films"):
        ClipFolder(tmp_path, options(tmp_path))


def test_too_many_bad_films_are_an_error_that_names_them(tmp_path):
    for i in range(3):
        (tmp_path / "a" / f"{i}").mkdir(parents=True)
    with pytest.raises(DataError, match="there are no frames"):
        ClipFolder(tmp_path, options(tmp_path))
