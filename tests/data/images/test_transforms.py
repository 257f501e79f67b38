"""Transforms of images on the host against torchvision's."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.images import transforms

RNG = np.random.default_rng(0)
WIDE = RNG.integers(0, 256, (30, 47, 3), np.uint8)
TALL = RNG.integers(0, 256, (47, 30, 3), np.uint8)


@pytest.mark.parametrize("image", [WIDE, TALL, WIDE[..., :1]])
def test_to_array_is_torchvisions(torchvision, image):
    want = torchvision.transforms.functional.to_tensor(image).permute(1, 2, 0).numpy()
    got = transforms.to_array(image)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(transforms.to_array(got), got)


def test_to_array_takes_pillow_images():
    np.testing.assert_array_equal(
        transforms.to_array(Image.fromarray(WIDE)), WIDE / np.float32(255)
    )
    gray = Image.fromarray(WIDE).convert("L")
    assert transforms.to_array(gray).shape == (30, 47, 1)


@pytest.mark.parametrize("image", [WIDE, TALL])
@pytest.mark.parametrize("size", [20, 96, (12, 40), (60, 33)])
@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_resize_is_torchvisions(torchvision, image, size, method):
    mode = torchvision.transforms.InterpolationMode(method)
    want = torchvision.transforms.functional.resize(Image.fromarray(image), size, mode)
    np.testing.assert_array_equal(transforms.resize(image, size, method=method), np.asarray(want))


def test_resize_of_floats_keeps_them_floats():
    image = WIDE.astype(np.float32) / 255
    got = transforms.resize(image, (12, 40))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, transforms.resize(WIDE, (12, 40)) / 255, atol=1 / 255)


@pytest.mark.parametrize("image", [WIDE, TALL])
@pytest.mark.parametrize("size", [21, 40, (13, 30), (60, 33)])
def test_center_crop_is_torchvisions(torchvision, image, size):
    want = torchvision.transforms.functional.center_crop(Image.fromarray(image), size)
    np.testing.assert_array_equal(transforms.center_crop(image, size), np.asarray(want))


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("size", [28, (20, 45)])
def test_random_crop_is_a_window_and_the_seed_decides_which(padding, size):
    crop = partial(transforms.random_crop, WIDE, size, padding=padding)
    height, width = (size, size) if isinstance(size, int) else size
    padded = np.pad(WIDE, ((padding,) * 2, (padding,) * 2, (0, 0)))
    windows = {
        padded[y : y + height, x : x + width].tobytes(): (y, x)
        for y in range(padded.shape[0] - height + 1)
        for x in range(padded.shape[1] - width + 1)
    }
    rng = np.random.default_rng(1)
    seen = {windows[crop(rng).tobytes()] for _ in range(800)}
    assert {y for y, _ in seen} == {y for y, _ in windows.values()}
    assert {x for _, x in seen} == {x for _, x in windows.values()}
    np.testing.assert_array_equal(crop(np.random.default_rng(7)), crop(np.random.default_rng(7)))


@pytest.mark.parametrize("mean", [(0.485, 0.456, 0.406), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("std", [(0.229, 0.224, 0.225), (1.0, 2.0, 0.5)])
def test_normalize_is_torchvisions(torchvision, mean, std):
    functional = torchvision.transforms.functional
    want = functional.normalize(functional.to_tensor(WIDE), mean, std).permute(1, 2, 0).numpy()
    got = transforms.normalize(transforms.to_array(WIDE), mean, std)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_compose_is_torchvisions_compose(torchvision):
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    t = torchvision.transforms
    want = t.Compose([t.Resize(24), t.CenterCrop(20), t.ToTensor(), t.Normalize(mean, std)])
    got = transforms.compose(
        partial(transforms.resize, size=24),
        partial(transforms.center_crop, size=20),
        transforms.to_array,
        partial(transforms.normalize, mean=mean, std=std),
    )
    wanted = want(Image.fromarray(TALL)).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(got(TALL), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: transforms.resize(np.zeros((3, 20, 20)), 8), r"\(3, 20, 20\); it looks like CHW"),
        (lambda: transforms.center_crop(np.zeros((20, 20)), 8), r"image\[:, :, None\]"),
        (lambda: transforms.to_array(np.full((4, 4, 3), 200.0)), "got 200 to 200; divide"),
        (lambda: transforms.to_array(np.full((4, 4, 3), -0.5)), "got -0.5"),
        (lambda: transforms.to_array(np.full((4, 4, 3), np.nan)), "got nan"),
        (lambda: transforms.to_array(np.zeros((4, 4, 3), np.int64)), "got int64"),
        (lambda: transforms.normalize(WIDE, (0,) * 3, (1,) * 3), "got uint8; use to_array"),
        (lambda: transforms.normalize(WIDE / 255, (0,), (1,)), "3 numbers.*got 1 and 1"),
        (lambda: transforms.normalize(WIDE / 255, (0,) * 3, (0, 1, 1)), r"std.*\(0, 1, 1\)"),
        (lambda: transforms.random_crop(WIDE, 99, np.random.default_rng(0)), "30x47.*99x99"),
    ],
)
def test_errors_say_what_to_do(call, words):
    with pytest.raises(DataError, match=words):
        call()
