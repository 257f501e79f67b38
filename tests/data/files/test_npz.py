"""Arrays in npz files as NumPy wrote them; whatever is no such file is refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.npz import read_npz

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)
LABELS = np.arange(6)[:, None] % 3


def test_npz_of_keras_layout(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_train=IMAGES[:4], y_train=LABELS[:4], x_test=IMAGES[4:], y_test=LABELS[4:, 0])
    splits = read_npz(path)
    assert set(splits) == {"train", "test"}
    np.testing.assert_array_equal(splits["train"]["image"], IMAGES[:4, :, :, None])
    np.testing.assert_array_equal(splits["train"]["label"], LABELS[:4, 0])
    np.testing.assert_array_equal(splits["test"]["label"], LABELS[4:, 0])
    assert splits["train"]["label"].dtype == np.int32


def test_npz_of_named_arrays(tmp_path):
    path = tmp_path / "a.npz"
    features = np.random.default_rng(1).normal(size=(6, 7))
    np.savez_compressed(path, image=IMAGES[..., None], label=LABELS[:, 0], features=features)
    rows = read_npz(path)["train"]
    np.testing.assert_array_equal(rows["image"], IMAGES[..., None])
    np.testing.assert_array_equal(rows["features"], features)


class Harmful:
    def __reduce__(self):
        return (os.mkdir, ("harm",))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"image": np.array([Harmful()])}, "objects, which are not loaded"),
        ({"image": IMAGES, "label": np.arange(5)}, r"equal lengths.*'image': 6, 'label': 5"),
        ({"image": np.array(["a", "b"])}, "image must be rows of numbers, got <U1"),
        ({"label": np.array(3)}, r"label must be rows of numbers, got int64 \(\)"),
        ({"image": np.array([[1.0], [np.inf]])}, "not finite, in row 1"),
        ({}, "no arrays"),
    ],
)
def test_bad_npz_files_are_one_message(tmp_path, monkeypatch, arrays, words):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", **arrays)
    with pytest.raises(DataError, match=words):
        read_npz("a.npz")
    assert not Path("harm").exists()


@pytest.mark.parametrize("damage", ["cut", "html", "npy", "missing", "objects"])
def test_files_that_are_no_npz(tmp_path, damage):
    path = tmp_path / "a.npz"
    np.savez(path, image=IMAGES)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    elif damage == "html":
        path.write_text("<html>")
    elif damage == "npy":
        np.save(path.with_suffix(".npy"), IMAGES)
        path = path.with_suffix(".npy")
    elif damage == "objects":
        np.save(path.with_suffix(".npy"), np.array([Harmful()]), allow_pickle=True)
        path = path.with_suffix(".npy")
    else:
        path.unlink()
    with pytest.raises(DataError, match=path.name.replace(".", r"\.")):
        read_npz(path)
