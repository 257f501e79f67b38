"""Lists spelled as people spell them; a name of the test must never be trained on."""

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.voc_lists import voc_splits

NAMES = [f"{i:03}" for i in range(6)]


@pytest.fixture
def root(tmp_path):
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (tmp_path / name).mkdir(parents=True)
    for name in [*NAMES, "my photo 1"]:
        (tmp_path / "Annotations" / f"{name}.xml").write_text("<annotation/>")
    return tmp_path


def write(root, encoding="utf-8", end="\n", **lists):
    for name, names in lists.items():
        text = "".join(name + end for name in names)
        (root / "ImageSets/Main" / f"{name}.txt").write_bytes(text.encode(encoding))


def names(root):
    return {split: own.names for split, own in voc_splits(root, "boxes").items()}


def said(root):
    return voc_splits(root, "boxes")["train"].notes.lines()


SPELLED = {
    "train test": ("train", "test"),
    "trainval test": ("trainval", "test"),
    "Train Test": ("train", "test"),
    "training testing": ("train", "test"),
    "train valid": ("train", "val"),
    "Train Validation": ("train", "val"),
    "train_set test_set": ("train", "test"),
    "pets_train pets_test": ("train", "test"),
    "train val trainval": ("train", "val"),
}


@pytest.mark.parametrize("spelled", SPELLED)
def test_every_spelling_keeps_what_is_held_out_from_training(root, spelled):
    train, other, *rest = spelled.split()
    write(root, **{train: NAMES[:4], other: NAMES[4:]})
    if "_" not in train:
        write(root, cat_train=NAMES, cat_trainval=NAMES)  # VOC's lists of one class
    write(root, **dict.fromkeys(rest, NAMES))
    _, split = SPELLED[spelled]
    assert names(root) == {"train": NAMES[:4], split: NAMES[4:]}
    lines = said(root)
    assert lines[0] == f"train is the list ImageSets/Main/{train}.txt"
    assert lines[1] == f"{split} is the list ImageSets/Main/{other}.txt"
    assert lines[-1] == "annotations in no list: 1 (my photo 1)"
    assert ("lists that are not read: trainval" in lines) == bool(rest)


def test_without_lists_all_train_and_a_list_alone_is_all(root):
    assert names(root) == {"train": [*NAMES, "my photo 1"]}
    assert said(root) == ["all annotations: there is no list in ImageSets/Main"]
    write(root, default=NAMES)  # CVAT
    assert names(root) == {"train": NAMES}
    assert said(root)[0] == "train is the list ImageSets/Main/default.txt"


@pytest.mark.parametrize("lists", [["test"], ["val", "test"], ["a", "b"]])
def test_lists_without_one_to_train_on_are_refused(root, lists):
    write(root, **dict.fromkeys(lists, NAMES[:1]))
    with pytest.raises(DataError, match="none of what to train on"):
        names(root)


def test_two_lists_of_one_split_are_refused(root):
    write(root, cat_train=NAMES, dog_train=NAMES)
    with pytest.raises(DataError, match="lists cat_train, dog_train may all be train"):
        names(root)


def test_a_name_in_two_splits_is_refused(root):
    write(root, train=NAMES, test=NAMES[2:4])
    with pytest.raises(DataError, match=r"names in train\.txt and in test\.txt: 2 \(002, 003\)"):
        names(root)


LINES = {
    "with a suffix": [f"{n}.jpg" for n in NAMES[:3]],
    "with a path": [f"JPEGImages/{n}.jpg" for n in NAMES[:3]],
    "a path of Windows": [f"JPEGImages\\{n}.jpg" for n in NAMES[:3]],
    "with flags": [f"{n}  -1" for n in NAMES[:3]],
    "with space": ["", *[f"  {n} " for n in NAMES[:3]], ""],
    "of several words": ["my photo 1"],
    "a path of several words": ["pics/my photo 1.png"],
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_in_many_forms(root, name, encoding, end):
    write(root, encoding, end, train=LINES[name])
    assert names(root)["train"] == (["my photo 1"] if "words" in name else NAMES[:3])


def test_doubts_and_what_cannot_be(root):
    write(root, train=[*NAMES[:3], *NAMES[:2]], val=[], test=["900", "901"])
    assert names(root) == {"train": NAMES[:3]}
    doubts = voc_splits(root, "boxes")["train"].notes.doubts
    assert doubts == [
        "names more than once in train.txt: 2",
        "the list of val is empty: it is not read",
        "the list of test has no annotations: it is not read",
    ]
    for lines, words in (
        ([*NAMES, "007"], r"train\.txt: names without an annotation: 1 \(007\)"),
        ([], r"train\.txt lists no pictures"),
        (["../../secret"], r"'\.\./\.\./secret' is no name"),
    ):
        write(root, train=lines, test=NAMES[:1])
        with pytest.raises(DataError, match=words):
            names(root)
    (root / "ImageSets/Main/train.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(DataError, match=r"train\.txt cannot be read"):
        names(root)


def test_segments_need_their_pictures(root):
    with pytest.raises(DataError, match=r"SegmentationClass has no \.png files, which segments"):
        voc_splits(root, "segments")
    (root / "SegmentationObject").mkdir()
    for name in NAMES[:2]:
        (root / "SegmentationObject" / f"{name}.png").write_bytes(b"x")
    assert voc_splits(root, "masks")["train"].names == NAMES[:2]
