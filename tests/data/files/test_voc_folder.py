"""Files planted as labelImg, Roboflow, CVAT and people leave them: each is found, or said."""

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.voc_folder import VocFolder, name_of, split_folders


def plant(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return VocFolder(root)


@pytest.mark.parametrize(
    ("annotations", "pictures"),
    [("Annotations", "JPEGImages"), ("annotations", "images"), (".", ".")],
)
def test_folders_in_any_capitals_or_none(tmp_path, annotations, pictures):
    folder = plant(tmp_path, f"{annotations}/1.xml", f"{pictures}/1.jpg", f"{pictures}/2.PNG")
    assert folder.annotations == {"1": tmp_path / annotations / "1.xml"}
    assert folder.picture("1") == tmp_path / pictures / "1.jpg"
    assert folder.picture("2") == tmp_path / pictures / "2.PNG"
    folder.note_unused({folder.picture("1")})
    assert folder.notes.lines() == ["left out 1: it has no annotation (2.PNG)"]


def test_annotations_at_any_depth_in_any_capitals(tmp_path):
    folder = plant(
        tmp_path,
        *("Annotations/1.XML", "Annotations/sub/2.xml", "Annotations/notes.txt"),
        *("Annotations/._1.xml", "Annotations/@eaDir/1.xml", "Annotations/__MACOSX/2.xml"),
        "JPEGImages/.DS_Store",
    )
    assert list(folder.annotations) == ["1", "2"]
    assert folder.notes.lines() == ["files that are no .xml: 1 (Annotations/notes.txt)"]
    assert folder.pictures == {}
    again = plant(tmp_path, "Annotations/sub/1.xml")
    with pytest.raises(DataError, match="two annotations are called '1'"):
        _ = again.annotations


# What stands in <filename> of 1.xml -> the picture, where 1.jpg and 2.jpg are there.
WRITTEN = {
    "": "1.jpg",
    "1.jpg": "1.jpg",
    "1": "1.jpg",
    "1.png": "1.jpg",  # converted since
    "/home/me/1.jpg": "1.jpg",
    "C:\\Users\\me\\1.jpg": "1.jpg",
    "IMG_1.jpg": "1.jpg",  # both renamed since
    "2.jpg": "1.jpg",  # copied from the annotation of 2, and a doubt
}


@pytest.mark.parametrize("written", WRITTEN)
def test_the_picture_of_the_same_name_is_taken(tmp_path, written):
    folder = plant(tmp_path, "Annotations/1.xml", "JPEGImages/1.jpg", "JPEGImages/2.jpg")
    assert folder.picture("1", written) == tmp_path / "JPEGImages" / WRITTEN[written]
    assert folder.stale("1", written) == ("1 names 2.jpg" if written == "2.jpg" else "")


def test_where_none_has_it_the_written_one(tmp_path):
    folder = plant(tmp_path, "Annotations/task-7.xml", "JPEGImages/a.b.1", "JPEGImages/c.heic")
    assert folder.picture("task-7", "a.b.1").name == "a.b.1"  # without a suffix
    assert folder.picture("task-7", "x/a.b.1.jpg").name == "a.b.1"
    assert folder.picture("task-7", "gone.jpg") == tmp_path / "JPEGImages" / "gone.jpg"
    assert folder.picture("task-7") == tmp_path / "JPEGImages" / "task-7.jpg"
    folder.note_unused({tmp_path / "JPEGImages" / "a.b.1"})
    assert folder.notes.left_out == {"it has no annotation": ["c.heic"]}
    assert [name_of(n) for n in ("a.b.JPG", "a.b", "a.jfif", "a")] == ["a.b", "a.b", "a", "a"]


def test_two_pictures_of_one_name(tmp_path):
    folder = plant(tmp_path, "Annotations/1.xml", "JPEGImages/1.png", "JPEGImages/1.jpg")
    assert folder.picture("1", "1.png").name == "1.png"
    folder.note_unused({folder.picture("1", "1.png")})
    assert folder.notes.doubts == ["several pictures have one name: 1.jpg, 1.png"]


def test_splits_that_are_folders(tmp_path):
    plant(tmp_path, "train/1.xml", "train/1.jpg", "valid/2.xml", "README.txt")
    found = split_folders(tmp_path)
    assert {split: list(folder.annotations) for split, folder in found.items()} == {
        "train": ["1"],
        "val": ["2"],
    }
    assert split_folders(tmp_path / "train") == {}
    plant(tmp_path, "Train_set/3.xml")
    with pytest.raises(DataError, match="Train_set and train are both train"):
        split_folders(tmp_path)


def test_a_folder_of_another_layout(tmp_path):
    with pytest.raises(
        DataError, match="no folder Annotations, and no .xml files beside pictures$"
    ):
        _ = VocFolder(tmp_path).annotations
    folder = plant(tmp_path, "VOC2007/Annotations/1.xml")
    with pytest.raises(DataError, match=f"; give {tmp_path}/VOC2007$"):
        _ = folder.annotations
    with pytest.raises(DataError, match="no folder JPEGImages"):
        _ = VocFolder(tmp_path / "VOC2007").pictures
    (tmp_path / "VOC2007/Annotations/1.xml").unlink()
    with pytest.raises(DataError, match=r"lists no pictures: it has no \.xml files"):
        _ = VocFolder(tmp_path / "VOC2007").annotations
