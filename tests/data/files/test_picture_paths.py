"""Names of pictures from other computers, each file planted where it must be found, or not."""

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.picture_paths import find_pictures
from jaxdl.data.notes import Notes


@pytest.fixture
def folder(tmp_path):
    for name in ("1.jpg", "sub/2.jpg", "a b#é.jpg"):
        (tmp_path / "pics" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pics" / name).write_bytes(b"x")
    (tmp_path / "secret.jpg").write_bytes(b"x")
    return tmp_path / "pics"


NAMES = {
    "1.jpg": "1.jpg",
    "./1.jpg": "1.jpg",
    "sub/2.jpg": "sub/2.jpg",
    "sub\\2.jpg": "sub/2.jpg",
    "images/1.jpg": "1.jpg",
    "C:\\me\\pics\\1.jpg": "1.jpg",
    "/data/upload/1.jpg": "1.jpg",
    "../../1.jpg": "1.jpg",
    "https://x.y/a/1.jpg?w=3": "1.jpg",
    "a b#é.jpg": "a b#é.jpg",
    "gone.jpg": "gone.jpg",  # found missing when it is read
    "x" * 300: "x" * 300,  # as is what no file can be called
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_path_below_the_folder_or_its_last_part(folder, name):
    notes = Notes()
    found = find_pictures("a.json", folder, {0: name, 1: "a b#é.jpg"}, notes)
    assert found[0] == folder / NAMES[name]
    by_last_part = name not in ("1.jpg", "./1.jpg", "sub/2.jpg", "a b#é.jpg", "gone.jpg", "x" * 300)
    assert bool(notes.taken) == by_last_part


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/passwd", "..", "sub/../../secret.jpg"])
def test_a_name_does_not_leave_the_folder(folder, name):
    with pytest.raises(DataError, match=r"a\.json: the picture .* leaves"):
        find_pictures("a.json", folder, {0: "1.jpg", 1: name}, Notes())


def test_one_file_of_several_entries(folder):
    notes = Notes()
    find_pictures("a.json", folder, {0: "1.jpg", 1: "1.jpg", 2: "1.jpg"}, notes)
    assert notes.doubts == ["3 entries name the same picture '1.jpg'"]
    with pytest.raises(DataError, match=r"'a/1\.jpg' and 'b/1\.jpg' are both"):
        find_pictures("a.json", folder, {0: "a/1.jpg", 1: "b/1.jpg"}, Notes())


def test_none_is_there(folder):
    with pytest.raises(DataError, match=r"none of its 2 pictures is in .*'x\.jpg'.*data\.images"):
        find_pictures("a.json", folder, {0: "x.jpg", 1: "y.jpg"}, Notes())
    with pytest.raises(DataError, match="no folder of images"):
        find_pictures("a.json", folder / "none", {0: "x.jpg"}, Notes())
