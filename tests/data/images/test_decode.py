"""Decoded pixels against Pillow's; damaged files are one message."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.images.decode import (
    BadFileBudget,
    UnreadableImage,
    decode_image,
    probe_image,
    quick_faults,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


def picture(path, **options):
    Image.fromarray(PIXELS).save(path, **options)
    return path


def bomb(path, side):
    """A PNG whose head promises side x side pixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    body = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + b"\0\0\0\0IEND\xaeB`\x82")
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "jpg", "gif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_files_and_bytes_are_pillows_pixels(tmp_path, suffix, channels):
    options = {"lossless": True} if suffix == "webp" else {}
    path = picture(tmp_path / f"a.{suffix}", **options)
    with Image.open(path) as image:
        want = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(30, 40, channels)
    for source in (path, path.read_bytes()):
        got = decode_image(source, channels=channels)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.uint8
    assert probe_image(path) == ""


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    image = Image.fromarray(PIXELS)
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image.save(path)
    assert decode_image(path).shape == (30, 40, 3)


def damaged(tmp_path, what):
    path = picture(tmp_path / "a.jpg", quality=95)
    data = path.read_bytes()
    if what == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "html":
        path.write_text("<html>404</html>")
    elif what == "missing":
        path.unlink()
    elif what.startswith("bomb"):
        path = bomb(tmp_path / "a.png", 30_000 if what == "bomb" else 10_000)
    elif what == "cut png":
        path = picture(tmp_path / "a.png")
        path.write_bytes(path.read_bytes()[:-500])
    return path


FAULTS = {
    "cut": "cut off|truncated",
    "empty": "empty",
    "html": "no image",
    "missing": "no such file",
    "bomb": "more than 89,478,485 pixels",
    "bomb that Pillow would open": "more than 89,478,485 pixels",
    "cut png": "cut off|truncated",
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("what", FAULTS)
def test_damaged_files_are_one_message_that_names_them(tmp_path, what):
    path = damaged(tmp_path, what)
    with pytest.raises(UnreadableImage, match=FAULTS[what]) as error:
        decode_image(path)
    assert str(path) in str(error.value)
    assert error.value.code == 6
    assert quick_faults([path, picture(tmp_path / "fine.jpg")])[0] != ""


def test_a_wrong_suffix_does_not_matter_and_a_right_one_does_not_help(tmp_path):
    path = picture(tmp_path / "a.png")
    np.testing.assert_array_equal(decode_image(path.rename(tmp_path / "b.jpg")), PIXELS)
    (tmp_path / "c.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert probe_image(tmp_path / "c.eps") != ""  # a format that would start another program


@pytest.mark.parametrize(
    ("total", "fraction", "most"), [(10, 0.001, 1), (5000, 0.001, 5), (100, 0.1, 10)]
)
def test_skipped_rows_are_counted_up_to_a_budget(total, fraction, most):
    skipped = BadFileBudget("folder x", total, fraction=fraction)
    for i in range(most):
        skipped.add(f"file{i}", "it is cut off")
        skipped.add(f"file{i}", "it is cut off")  # seen again in the next epoch
    assert len(skipped.rows) == most
    with pytest.raises(DataError, match=rf"folder x: {most + 1} of {total} files") as error:
        skipped.add("last", "it is empty")
    assert str(error.value).count("(it is") == min(most + 1, 5)
