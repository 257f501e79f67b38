"""Pictures by path, below JAXDL_DATA_DIR and of scikit-image, against what Pillow reads."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.images.pictures import find_picture, read_squares


def test_a_picture_is_found_here_in_the_data_folder_and_in_scikit_image(tmp_path, monkeypatch):
    skimage = pytest.importorskip("skimage")
    data, here = tmp_path / "data", tmp_path / "here"
    data.mkdir()
    here.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(data / "a.png")
    Image.fromarray(255 - pixels).save(here / "b.png")
    monkeypatch.chdir(here)
    monkeypatch.setenv("JAXDL_DATA_DIR", str(data))
    np.testing.assert_array_equal(read_squares(("a.png", "b.png"), 6), [pixels, 255 - pixels])
    theirs = np.asarray(Image.open(find_picture("chelsea.png")).convert("RGB"))
    np.testing.assert_array_equal(theirs, skimage.data.chelsea())
    Image.fromarray(pixels).save(data / "chelsea.png")  # one's own comes first
    assert find_picture("chelsea.png") == data / "chelsea.png"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("cat.png", "picture cat.png: there is no .*cat.png; nor has scikit-image"),
        ("../data/chelsea.png", "nor has scikit-image"),
        ("folder", "must be one file, .*folder is a folder"),
    ],
)
def test_a_picture_that_is_not_there_is_named(given, words, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=words):
        find_picture(given)
