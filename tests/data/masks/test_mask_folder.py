"""Folders of pictures and masks that the test writes, and every way in which one can be wrong."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import data_config
from jaxdl.data.load import open_splits
from jaxdl.data.masks.mask_folder import find_folders
from jaxdl.data.masks.masked_images import MaskedImages
from jaxdl.data.registry import open_dataset
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.data.validate import report_scan, scan_set
from tests.data.masks.made_masks import SIZE, write_pairs

NAMES = ("background", *Shapes.classes)


def config(path, **options):
    return data_config("mask_folder", path=str(path), **{"image_size": SIZE} | options)


def stacked(source):
    rows = [source[i] for i in range(len(source))]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("mark", ["", "_mask"])
def test_a_row_is_the_picture_and_its_mask(tmp_path, mark):
    rows = write_pairs(tmp_path, mark=mark)
    opened = open_dataset(config(tmp_path, class_names=NAMES))
    assert list(opened.splits) == ["train"]
    assert opened.classes == NAMES
    assert isinstance(opened.splits["train"], MaskedImages)
    got = stacked(opened.splits["train"])
    for name in ("image", "segments"):
        np.testing.assert_array_equal(got[name], rows[name])


@pytest.mark.parametrize("layout", ["train/images", "images/train", "zip"])
def test_splits_are_found_in_either_order_and_in_archives(tmp_path, layout, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    root, wants = tmp_path / "set", {}
    for split, first in (("train", 0), ("val", 6), ("test", 12)):
        wants[split] = write_pairs(root / split, 6, first=first)
        if layout == "zip":
            shutil.make_archive(str(root / f"mine_{split}"), "zip", root / split)
            shutil.rmtree(root / split)
        if layout == "images/train":
            for inner in ("images", "masks"):
                (root / inner).mkdir(exist_ok=True)
                (root / split / inner).rename(root / inner / split)
            (root / split).rmdir()
    opened = open_dataset(config(root, class_names=NAMES))
    assert set(opened.splits) == set(find_folders(root)) == set(wants)
    for split, rows in wants.items():
        np.testing.assert_array_equal(stacked(opened.splits[split])["segments"], rows["segments"])


def test_classes_are_listed_named_or_found(tmp_path):
    write_pairs(tmp_path)
    found = open_dataset(config(tmp_path))
    assert found.classes == tuple("0123456")
    notes = found.splits["train"].notes
    assert notes.taken == ["classes are the numbers in 6 masks: 0, 1, 2, 3, 4, 5, 6"]
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    assert open_dataset(config(tmp_path)).classes == NAMES
    other = ("ground", "thing", *"abcde")
    assert open_dataset(config(tmp_path, class_names=other)).classes == other


def test_what_is_beside_the_picture_or_ignored_is_void(tmp_path):
    rows = write_pairs(tmp_path)
    values = tuple(range(6))
    source = open_dataset(config(tmp_path, values=values, ignore=6, image_size=(40, 40)))
    got = stacked(source.splits["train"])["segments"]
    assert (got[:, 30:] == 255).all()
    want = np.where(rows["segments"] == 6, 255, rows["segments"])
    assert (want == 255).any()
    np.testing.assert_array_equal(got[:, :30], want)


def test_a_mask_of_0_and_255_is_not_all_void(tmp_path):
    rows = write_pairs(tmp_path)
    for i, segments in enumerate(rows["segments"]):
        both = np.where(segments > 0, 255, 0).astype(np.uint8)
        Image.fromarray(both).save(tmp_path / "masks" / f"{i}.png")
    with pytest.raises(DataError, match=r"1 class, number 0 beside 255.*set data\.ignore = -1"):
        open_dataset(config(tmp_path))
    opened = open_dataset(config(tmp_path, ignore=-1, class_names=("no", "yes"), values=(0, 255)))
    np.testing.assert_array_equal(stacked(opened.splits["train"])["segments"], rows["segments"] > 0)


def spoil_size(root):
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(root / "masks" / "3.png")


def spoil_value(root):
    Image.fromarray(np.full(SIZE, 77, np.uint8)).save(root / "masks" / "3.png")


def spoil_colors(root):
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / "masks" / "3.png")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_size, r"3\.png is 8x9 \(height x width\), its picture 30x40"),
        (spoil_value, r"3\.png has the number 77 in 1200 pixels"),
        (spoil_colors, r"3\.png: it must be a PNG of numbers \(palette\), got PNG, RGB"),
        (lambda root: (root / "masks" / "3.png").unlink(), r"row 3\.png: left out: it has no mask"),
        (
            lambda root: (root / "images" / "3.png").unlink(),
            r"train: masks without a picture: 1 \(3\)",
        ),
    ],
    ids=["size", "value", "colors", "no mask", "no picture"],
)
def test_a_bad_mask_is_named_by_the_scan_and_by_training(tmp_path, spoil, words):
    write_pairs(tmp_path)
    spoil(tmp_path)
    cfg = config(tmp_path, class_names=NAMES)
    scan = scan_set(cfg)
    assert len(scan.faults) == 1
    assert re.search(words, report_scan("mine", scan))
    if "picture: 1" in words or "no mask" in words:
        assert len(open_dataset(cfg).splits["train"]) == 5
        return
    with pytest.raises(DataError, match=words):
        open_splits(cfg)


def test_many_pictures_without_a_mask_are_an_error(tmp_path):
    write_pairs(tmp_path)
    for i in (1, 4):
        (tmp_path / "masks" / f"{i}.png").unlink()
    with pytest.raises(DataError, match=r"2 of 6 files cannot be used.*1\.png \(it has no mask\)"):
        open_dataset(config(tmp_path))


@pytest.mark.parametrize(
    ("make", "options", "kind", "words"),
    [
        (lambda root: root.mkdir(), {}, DataError, "two folders such as images and masks"),
        (lambda root: write_pairs(root / "val"), {}, DataError, "train/masks; there are none"),
        (
            lambda root: (write_pairs(root / "train"), shutil.rmtree(root / "train" / "masks")),
            {},
            DataError,
            "train has none",
        ),
        (write_pairs, {"class_names": ("one",)}, DataError, "must be 2 to 255 classes, got 1"),
        (write_pairs, {"values": (0, 0)}, UsageError, "name each number once"),
        (write_pairs, {"values": (0, 256)}, UsageError, r"data\.values in 0\.\.255"),
        (
            write_pairs,
            {"values": (0, 1), "class_names": ("a", "b", "c")},
            UsageError,
            "2 numbers for 3",
        ),
    ],
)
def test_folders_and_options_that_cannot_be(tmp_path, make, options, kind, words):
    make(tmp_path / "set")
    with pytest.raises(kind, match=words):
        open_dataset(config(tmp_path / "set", **options))
