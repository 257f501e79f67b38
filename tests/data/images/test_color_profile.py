"""Profiles written by hand, against the matrices of their standards in float64."""

import io
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from jaxdl.data.images.color_profile import in_srgb
from jaxdl.data.images.decode import decode_image

# XYZ of red, green and blue under D50: Display P3 (Apple's profile) and sRGB (IEC 61966-2-1).
P3 = np.array(
    [[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]]
)
SRGB = np.array(
    [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]
)
GAMMA = 2.2


def profile(primaries):
    """An ICC profile (version 2.4) of primaries `(3, 3)`, rows XYZ, and a gamma of 2.2."""

    def fixed(values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(GAMMA * 256))
    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 78
    tags = {b"desc": text + b"\0" * (-len(text) % 4), b"cprt": b"text\0\0\0\0x\0\0\0"}
    tags[b"wtpt"] = b"XYZ \0\0\0\0" + fixed([0.9642, 1.0, 0.8249])
    for name, row in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        tags[name] = b"XYZ \0\0\0\0" + fixed(row)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", place + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += fixed([0.9642, 1.0, 0.8249])
    return head.ljust(128, b"\0") + table + body


def as_srgb(pixels, primaries):
    """What such a profile means, by the formulas of sRGB."""
    linear = (pixels / 255.0) ** GAMMA @ primaries @ np.linalg.inv(SRGB)
    linear = np.clip(linear, 0, 1)
    low = linear <= 0.0031308
    return 255 * np.where(low, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)


def saved(pixels, icc, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, icc_profile=icc, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_wide_colors_are_what_the_formulas_say(kind):
    got = decode_image(saved(PIXELS, profile(P3), kind))
    want = as_srgb(PIXELS, P3)
    assert np.abs(want - PIXELS).max() > 20  # what was lost before
    np.testing.assert_allclose(got, want, atol=2)
    gray = decode_image(saved(PIXELS, profile(P3), kind), channels=1)
    np.testing.assert_allclose(gray[..., 0], want @ [0.299, 0.587, 0.114], atol=3)


def test_alpha_stays_and_hidden_colors_are_white():
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    rgba[0, 0, 3] = 0
    got = decode_image(saved(rgba, profile(P3)), channels=4)
    np.testing.assert_array_equal(got[..., 3], rgba[..., 3])
    np.testing.assert_array_equal(got[0, 0, :3], 255)
    np.testing.assert_allclose(got[1:, :, :3], as_srgb(PIXELS[1:], P3), atol=2)


@pytest.mark.parametrize("what", ["srgb", "damaged", "cut", "of another kind"])
def test_a_profile_that_says_nothing_changes_no_pixel(what):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = {"srgb": srgb, "damaged": b"x" * 300, "cut": profile(P3)[:200]}.get(what)
    if icc is None:
        icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with Image.open(io.BytesIO(saved(PIXELS, icc))) as image:
        assert in_srgb(image) is image
    np.testing.assert_array_equal(decode_image(saved(PIXELS, icc)), PIXELS)


def test_threads_share_a_profile():
    files = [saved(np.roll(PIXELS, i, axis=0), profile(P3)) for i in range(16)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(decode_image, files * 4))
    for i, image in enumerate(got):
        np.testing.assert_allclose(image, as_srgb(np.roll(PIXELS, i % 16, axis=0), P3), atol=2)
