"""Numbers of classes in PNGs as Pillow writes them."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.masks.label_map import ClassNumbers, read_label_map

NUMBERS = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize("palette", [False, True])
def test_numbers_are_read_whatever_their_colors(tmp_path, palette):
    image = Image.fromarray(NUMBERS)
    if palette:
        image.putpalette(np.random.default_rng(0).integers(0, 255, 768).tolist())
        assert image.mode == "P"
    image.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), NUMBERS)


@pytest.mark.parametrize(
    ("name", "save", "words"),
    [
        ("a.png", lambda f: Image.new("RGB", (3, 3)).save(f), r"palette.*got PNG, RGB; draw each"),
        ("a.jpg", lambda f: Image.new("L", (3, 3)).save(f), r"got JPEG, L"),
        ("a.png", lambda f: f.write_bytes(b"<html>"), r"no image"),
        ("a.png", lambda f: None, r"no such file"),
    ],
)
def test_what_is_no_mask_is_named(tmp_path, name, save, words):
    save(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}: .*{words}"):
        read_label_map(tmp_path / name)


def test_numbers_mean_classes_void_or_nothing():
    numbers = ClassNumbers(("sky", "road"), (7, 3), ignore=0)
    got = numbers.classes_of(np.array([[7, 3, 0]], np.uint8), "mask")
    np.testing.assert_array_equal(got, [[0, 1, 255]])
    with pytest.raises(DataError, match=r"m\.png has the number 5 in 2 pixels.*are 7, 3, 0 does"):
        numbers.classes_of(np.array([[5, 5, 7]], np.uint8), "m.png")
    every = ClassNumbers(("sky", "road"), ignore=-1)
    with pytest.raises(DataError, match=r"the number 255 in 1 pixels.*are 0, 1; see"):
        every.classes_of(np.array([[0, 255]], np.uint8), "m.png")
