"""Arrays in npz files as NumPy wrote them; whatever is no such file is refused."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.tables.npz import read_npz

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)
LABELS = np.arange(6)[:, None] % 3


def test_npz_of_keras_layout(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_train=IMAGES[:4], y_train=LABELS[:4], x_test=IMAGES[4:], y_test=LABELS[4:, 0])
    splits = read_npz(path).splits
    assert set(splits) == {"train", "test"}
    np.testing.assert_array_equal(splits["train"]["image"], IMAGES[:4, :, :, None])
    np.testing.assert_array_equal(splits["train"]["label"], LABELS[:4, 0])
    np.testing.assert_array_equal(splits["test"]["label"], LABELS[4:, 0])
    assert splits["train"]["label"].dtype == np.int32


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("X", "y", "train"),
        ("images", "labels", "train"),
        ("train_images", "train_labels", "train"),
        ("X_val", "y_val", "val"),
        ("valid_x", "valid_y", "val"),
        ("xtest", "ytest", "test"),
        ("test-data", "test-target", "test"),
    ],
)
def test_arrays_are_what_their_names_say(tmp_path, image, label, split):
    more = {} if split == "train" else {"x": IMAGES[:2], "y": LABELS[:2]}
    np.savez(tmp_path / "a.npz", **{image: IMAGES, label: LABELS[:, 0]}, **more)
    arrays = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(arrays.splits[split]["image"][..., 0], IMAGES)
    np.testing.assert_array_equal(arrays.splits[split]["label"], LABELS[:, 0])
    assert set(arrays.splits) == {"train", split}
    assert f"{image} is image of {split}" in arrays.said


def test_npz_of_named_arrays(tmp_path):
    path = tmp_path / "a.npz"
    features = np.random.default_rng(1).normal(size=(6, 7))
    np.savez_compressed(path, image=IMAGES[..., None], label=LABELS[:, 0], features=features)
    rows = read_npz(path).splits["train"]
    np.testing.assert_array_equal(rows["image"], IMAGES[..., None])
    np.testing.assert_array_equal(rows["features"], features)
    table = np.arange(12).reshape(6, 2)
    np.savez(path, X=table.astype(">i4"), y=LABELS)
    rows = read_npz(path).splits["train"]
    np.testing.assert_array_equal(rows["input"], table)
    assert rows["input"].dtype == np.dtype("=f8")


WHOLE = LABELS[:, 0]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (WHOLE[:, None].astype(np.uint8), ""),
        (WHOLE.astype(">i8"), ""),
        (WHOLE.astype(float), "label: whole numbers that were float64"),
        (WHOLE[:, None].astype(np.float16), "label: whole numbers that were float16"),
        (np.eye(3)[WHOLE], "label: one-hot rows of 3 classes"),
        (np.eye(3, dtype=bool)[WHOLE], "label: one-hot rows of 3 classes"),
    ],
)
def test_labels_in_any_form_are_numbers(tmp_path, label, said):
    np.savez(tmp_path / "a.npz", image=IMAGES, label=label)
    arrays = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(arrays.splits["train"]["label"], WHOLE)
    assert arrays.splits["train"]["label"].dtype == np.int32
    assert arrays.said == ((said,) if said else ())


def test_labels_in_words_and_names_of_classes(tmp_path):
    words = np.array(["rose", "iris", "moss"])
    np.savez(
        tmp_path / "a.npz", x=IMAGES, y=words[WHOLE], x_test=IMAGES, y_test=words[WHOLE].astype("S")
    )
    arrays = read_npz(tmp_path / "a.npz")
    assert arrays.classes == ("iris", "moss", "rose")
    for split in ("train", "test"):
        np.testing.assert_array_equal(arrays.splits[split]["label"], [2, 0, 1, 2, 0, 1])
    np.savez(tmp_path / "a.npz", x=IMAGES, y=WHOLE, class_names=words)
    assert read_npz(tmp_path / "a.npz").classes == tuple(words)
    np.savez(tmp_path / "a.npz", x=IMAGES, y=words[WHOLE], x_val=IMAGES[:1], y_val=["fern"])
    with pytest.raises(DataError, match="val, row 0: 'fern' is no class of training's iris"):
        read_npz(tmp_path / "a.npz")


def test_numbers_to_predict(tmp_path):
    np.savez(tmp_path / "a.npz", X=LABELS, y=WHOLE + 0.5)
    with pytest.raises(DataError, match=r"y: 0\.5 in row 0 is no class.*--data.label_type number"):
        read_npz(tmp_path / "a.npz")
    label = read_npz(tmp_path / "a.npz", label="number").splits["train"]["label"]
    np.testing.assert_array_equal(label, np.float32(WHOLE + 0.5))
    assert label.dtype == np.float32


class Harmful:
    def __reduce__(self):
        return (os.mkdir, ("harm",))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"image": np.array([Harmful()])}, "image holds objects, which are not loaded"),
        ({"image": IMAGES, "label": np.arange(5)}, r"equal lengths.*'image': 6, 'label': 5"),
        ({"image": np.array(["a", "b"])}, "image must be rows of numbers, got <U1"),
        ({"label": np.array(3)}, r"label must be rows, got int64 \(\)"),
        ({"image": np.array([[1.0], [np.inf]])}, "not finite, in row 1"),
        ({"image": IMAGES, "label": np.array([0.0] * 5 + [np.nan])}, "label.*not finite, in row 5"),
        ({"image": IMAGES, "label": WHOLE.astype(np.int64) + 2**32}, "4294967296 in row 0 is no c"),
        ({"image": IMAGES, "label": WHOLE.astype(np.uint64) + 2**63}, "9223372036854775808 in row"),
        ({"image": IMAGES, "label": WHOLE - 1}, r"label: -1 in row 0 is no class \(2 such\)"),
        (
            {"image": IMAGES, "label": np.ones((6, 3), int)},
            r"\(N, 1\) or one-hot, got int64 \(6, 3",
        ),
        ({"image": IMAGES, "X": IMAGES}, "image and X are both image of train"),
        ({"arr_0": IMAGES, "arr_1": LABELS}, r"arr_0, arr_1.*np\.savez\(path, image=\.\.\., label"),
        ({"x_test": IMAGES, "y_test": LABELS}, "no training arrays, only x_test, y_test"),
        ({}, "no arrays"),
    ],
)
def test_bad_npz_files_are_one_message(tmp_path, monkeypatch, arrays, words):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", **arrays)
    with pytest.raises(DataError, match=words):
        read_npz("a.npz")
    assert not Path("harm").exists()


def member(shape, dtype="<f8", content=b"", version=b"\x01\x00"):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY" + version + len(head).to_bytes(2, "little") + head + content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (member((10**12,)), r"x claims float64 \(1000000000000,\), 8,000,000,000,000 bytes, and h"),
        (member((2**40, 2**40), "<f8", bytes(64)), "x claims"),
        (member((2,), "<f8", bytes(24)), r"x claims float64 \(2,\), 16 bytes, and holds 24"),
        (member("(" * 500), r"a\.npz cannot be read"),
        (member((2,), "<f8", bytes(16), version=b"\x07\x00"), "is no array as np.savez writes it"),
        (b"text", r"a\.npz cannot be read|no array"),
    ],
)
def test_claims_are_compared_with_what_is_there(tmp_path, content, words):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", content)
    with pytest.raises(DataError, match=words):
        read_npz(tmp_path / "a.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, image=np.zeros((9_000_000, 8), np.uint8))  # packs 1000 to 1
    with pytest.raises(DataError, match=r"expands to 72,000,128 bytes, over 200 times its own"):
        read_npz(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("notes.txt", b"1")
    with pytest.raises(DataError, match=r"notes\.txt is no array"):
        read_npz(path)


@pytest.mark.parametrize("damage", ["cut", "html", "npy", "missing", "objects", "folder"])
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
    elif damage == "folder":
        path = tmp_path
    else:
        path.unlink()
    with pytest.raises(DataError, match=path.name.replace(".", r"\.")):
        read_npz(path)
