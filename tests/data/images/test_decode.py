"""Decoded pixels against Pillow's; damaged files are one message."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxdl.checks import DataError
from jaxdl.data.images.decode import (
    BadFileBudget,
    UnreadableImage,
    decode_image,
    quick_faults,
    read_head,
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
    assert read_head(path) == ("", (30, 40), 1)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_kind_of_picture_looks_as_it_did(tmp_path, mode, channels):
    image = Image.fromarray(PIXELS).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    want = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(30, 40, -1)
    np.testing.assert_allclose(decode_image(path, channels=channels), want, atol=1)


# JPEGs of Pillow's own turning; orientation 1 to 8 as EXIF 2.32 draws them.
TURNING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_a_turned_picture_is_as_seen(tmp_path, orientation, suffix):
    stored = Image.fromarray(PIXELS)
    if orientation in TURNING:
        stored = stored.transpose(TURNING[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation  # 0 and 9 mean nothing
    path = tmp_path / f"a.{suffix}"
    stored.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as image:
        want = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(want, PIXELS)
    np.testing.assert_array_equal(decode_image(path), PIXELS)
    head = read_head(path)
    assert (head.fault, head.shape) == ("", (30, 40))
    assert head.orientation == (orientation if orientation in TURNING else 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_leaves_the_picture(tmp_path):
    path = picture(
        tmp_path / "a.webp", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\1"
    )
    np.testing.assert_array_equal(decode_image(path), PIXELS)


def test_a_film_behind_a_picture_is_no_damage_but_a_missing_end_is(tmp_path):
    path = picture(tmp_path / "a.jpg", quality=95)
    data, want = path.read_bytes(), decode_image(path)
    path.write_bytes(data + b"MotionPhoto_Data" + bytes(3000))
    assert read_head(path).fault == ""
    np.testing.assert_array_equal(decode_image(path), want)
    path.write_bytes(data[: len(data) // 2] + bytes(3000))
    assert read_head(path).fault == "it is cut off"  # Pillow takes the zeros for pixels
    thumbnail = Image.Exif()
    thumbnail[0x9286] = data[:900] + b"\xff\xd9"  # an end inside of the head
    picture(path, quality=95, exif=thumbnail)
    path.write_bytes(path.read_bytes()[:-600])
    assert read_head(path).fault == "it is cut off"
    film = picture(tmp_path / "a.png").read_bytes() + bytes(3000)
    (tmp_path / "a.png").write_bytes(film)
    assert read_head(tmp_path / "a.png").fault == ""


def test_the_first_of_several_frames(tmp_path):
    more = [Image.fromarray(255 - PIXELS), Image.fromarray(PIXELS // 2)]
    for name, options in (
        ("a.webp", {"lossless": True}),
        ("a.png", {}),
        ("a.tif", {}),
        ("a.jpg", {"format": "MPO", "quality": 95, "subsampling": 0}),
    ):
        picture(tmp_path / name, save_all=True, append_images=more, **options)
        atol = 60 if name == "a.jpg" else 0
        got = decode_image(tmp_path / name).astype(int)
        assert np.abs(got - PIXELS).max() <= atol
        assert read_head(tmp_path / name).fault == ""


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
    assert read_head(tmp_path / "c.eps").fault != ""  # a format that would start another program


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
