"""What shows of 16 bits, real numbers and transparency, worked by hand; what has no known white."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.data.images.decode import UnreadableImage, decode_image

RAMP = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_shades(tmp_path, suffix):
    Image.fromarray(RAMP).save(tmp_path / f"a.{suffix}")
    want = np.round(RAMP / 65535 * 255)
    np.testing.assert_array_equal(decode_image(tmp_path / f"a.{suffix}", channels=1)[..., 0], want)
    np.testing.assert_array_equal(decode_image(tmp_path / f"a.{suffix}")[..., 1], want)
    Image.fromarray(RAMP * 0).save(tmp_path / f"a.{suffix}")
    assert not decode_image(tmp_path / f"a.{suffix}").any()


def test_real_numbers_from_black_to_white(tmp_path):
    values = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    Image.fromarray(values).save(tmp_path / "a.tif")
    want = np.round(values * 255)
    np.testing.assert_array_equal(decode_image(tmp_path / "a.tif", channels=1)[..., 0], want)


NAN = np.full((4, 6), np.nan, np.float32)
UNKNOWN = {
    "twelve bits": (RAMP // 16, "16-bit pixels end at 4095 of 65535"),
    "real numbers": (RAMP.astype(np.float32), "real numbers from 0 to 65535"),
    "not a number": (NAN, "real numbers from nan to nan"),
    "32 bits": (RAMP.astype(np.int32) * 1000, "whole numbers from 0 to 65535000"),
    "32 bits, small": (RAMP.astype(np.int32) // 256, "whole numbers from 0 to 255"),
    "a sign": (RAMP.astype(np.int32) - 1024, "whole numbers from -1024 to"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_has_no_known_white_is_left_out(tmp_path, name):
    values, words = UNKNOWN[name]
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImage, match=words) as error:
        decode_image(tmp_path / "a.tif")
    assert "a.tif" in str(error.value)


def test_hidden_colors_are_white_and_half_hidden_ones_half(tmp_path):
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (8, 8, 4), np.uint8)
    rgba[:4, :, 3], rgba[4, :, 3] = 0, 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    got = decode_image(tmp_path / "a.png")
    share = rgba[..., 3:] / 255
    np.testing.assert_array_equal(got, np.round(rgba[..., :3] * share + 255 * (1 - share)))
    assert (got[:4] == 255).all()
    np.testing.assert_array_equal(got[4], rgba[4, :, :3])
    want = np.asarray(Image.fromarray(got).convert("L"))
    np.testing.assert_array_equal(decode_image(tmp_path / "a.png", channels=1)[..., 0], want)
    four = decode_image(tmp_path / "a.png", channels=4)
    assert (four[:4] == (255, 255, 255, 0)).all()
    shown = rgba[..., 3] > 0
    np.testing.assert_array_equal(four[shown], rgba[shown])


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "LA"])
def test_transparency_of_palettes_and_of_one_color(tmp_path, mode):
    image = Image.new("P", (6, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    image.paste(1, (2, 1, 4, 3))
    options = {"P": {"transparency": b"\x00\xff"}, "L": {"transparency": 0},
               "RGB": {"transparency": (0, 0, 0)}, "LA": {}}  # fmt: skip
    if mode == "LA":
        alpha = Image.fromarray(np.asarray(image) * 255)
        image = Image.merge("LA", (image.convert("L"), alpha))
    elif mode != "P":
        image = image.convert(mode)
    image.save(tmp_path / "a.png", **options[mode])
    got = decode_image(tmp_path / "a.png")
    red = (255, 0, 0) if mode in ("P", "RGB") else (76, 76, 76)  # ITU-R 601: 0.299 of 255
    want = np.full((4, 6, 3), 255)
    want[1:3, 2:4] = red
    np.testing.assert_array_equal(got, want)
