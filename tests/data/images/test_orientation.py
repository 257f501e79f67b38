"""Boxes and points turn as the pixels under them do, and those as Pillow turns them."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from jaxdl.data.images.orientation import (
    TURNS,
    orientation_of,
    turn_boxes,
    turn_pixels,
    turn_points,
    turn_shape,
)

SHAPE = (5, 8)


@pytest.mark.parametrize("orientation", TURNS)
def test_pixels_and_what_is_drawn_on_them(orientation):
    stored = np.zeros(SHAPE, np.uint8)
    stored[1:3, 2:7] = 9  # the box 2, 1, 7, 3
    stored[3, 6] = 5  # the point 6.5, 3.5, a pixel's center
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    want = np.asarray(ImageOps.exif_transpose(image))
    seen = turn_pixels(stored, orientation)
    np.testing.assert_array_equal(seen, want)
    assert seen.shape == turn_shape(SHAPE, orientation)
    np.testing.assert_array_equal(turn_pixels(stored[None], orientation, axis=1)[0], want)

    rows, columns = np.nonzero(want == 9)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    boxes = np.array([[2, 1, 7, 3], [0, 0, 8, 5]])
    np.testing.assert_array_equal(
        turn_boxes(boxes, seen.shape, orientation), [box, [0, 0, *want.shape[::-1]]]
    )
    (row,), (column,) = np.nonzero(want == 5)
    point = turn_points(np.array([6.5, 3.5]), seen.shape, orientation)
    np.testing.assert_array_equal(point, [column + 0.5, row + 0.5])


def test_an_inverted_box_stays_inverted():
    for orientation in TURNS:
        shape = turn_shape(SHAPE, orientation)
        x1, y1, x2, y2 = turn_boxes(np.array([[7, 1, 2, 3]]), shape, orientation)[0]
        assert (x2 < x1) != (y2 < y1)
    assert orientation_of(Image.new("L", (2, 2))) == 1


def test_what_imagemagick_and_adobe_write_into_a_png(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    lines = f"\nexif\n{len(raw):8}\n{raw.hex()}\n"
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description '
    xmp += 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    for key, text in (("Raw profile type exif", lines), ("XML:com.adobe.xmp", xmp)):
        info = PngInfo()
        info.add_itxt(key, text) if "XML" in key else info.add_text(key, text)
        Image.new("L", (2, 3)).save(tmp_path / "a.png", pnginfo=info)
        with Image.open(tmp_path / "a.png") as image:
            assert orientation_of(image) == 6
            assert ImageOps.exif_transpose(image).size == (3, 2)
