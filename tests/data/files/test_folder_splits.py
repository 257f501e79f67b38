"""Layouts of folders as Keras, Kaggle and people make them; what is ambiguous is refused."""

import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.files.folder_splits import find_splits, split_of


def make(root, *names):
    """One picture for each name of a class folder."""
    for name in names:
        (root / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(root / name / "1.png")
    return root


@pytest.mark.parametrize(
    ("names", "want"),
    [
        (["train/a", "train/b", "test/a"], {"train": "train", "test": "test"}),
        (["Train/a", "Test/a"], {"train": "Train", "test": "Test"}),
        (["training_set/a", "test_set/a"], {"train": "training_set", "test": "test_set"}),
        (["trainset/a", "valset/a"], {"train": "trainset", "val": "valset"}),
        (["images/train/a", "images/val/a"], {"train": "images/train", "val": "images/val"}),
        (
            ["seg_train/seg_train/a", "seg_test/seg_test/a", "seg_pred/seg_pred"],
            {"train": "seg_train/seg_train", "test": "seg_test/seg_test"},
        ),
        (["train/images/a", "train/images/b"], {"train": "train/images"}),
        (["images/a", "images/b"], {"train": "images"}),
        (["a", "b"], {"train": ""}),
        (["bus", "train"], {"train": ""}),  # of vehicles
        (["brain", "trainer", "attest"], {"train": ""}),
        (["a/deep/one", "a/deep/two", "b/one"], {"train": ""}),
    ],
)
def test_splits_and_classes_are_told_apart(tmp_path, names, want):
    layout = find_splits(make(tmp_path, *names))
    assert layout.folders == {split: tmp_path / path for split, path in want.items()}
    if len(want) > 1:
        assert len(layout.said) >= len(want)


def test_what_is_not_read_is_said(tmp_path):
    make(tmp_path, "train/a", "train/b", "val/a", "test", "extra/a")
    layout = find_splits(tmp_path)
    assert set(layout.folders) == {"train", "val"}
    flat, beside = layout.doubts
    assert flat == "the folder test has no class folders: it is not read"
    assert "images in extra" in beside


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train/a", "training/a"], "train and training may both be the split 'train'"),
        (["test/a", "val/a"], "there is val, test, but no folder train|there is test, val, but no"),
        (["train/deep/a", "bus/a"], "train looks like a split, bus like a class"),
        (["x/train/a", "y/train/a"], "splits below each of x, y"),
        (["test", "train"], "test, train look like splits, but have no class folders|train, test"),
    ],
)
def test_what_may_mean_two_things_is_refused(tmp_path, names, words):
    with pytest.raises(DataError, match=words) as error:
        find_splits(make(tmp_path, *names))
    assert str(tmp_path) in str(error.value)
    with pytest.raises(DataError, match="there is no folder"):
        find_splits(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "split"),
    [("TrainSet", "train"), ("my-test", "test"), ("Validation Data", "val"), ("latest", "")],
)
def test_names_of_splits(name, split):
    assert split_of(name) == split
