"""Resizing and sampling against torch's and Pillow's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from PIL import Image

from jaxdl.ops import resize as ops

resize = jax.jit(ops.resize, static_argnames=("size", "method", "antialias", "align_corners"))
resize_windows = jax.jit(ops.resize_windows, static_argnames=("size", "method", "antialias"))
sample_affine = jax.jit(ops.sample_affine, static_argnames=("size", "method", "fill"))
sample_points = jax.jit(ops.sample_points, static_argnames=("method", "fill"))

IMAGES = np.random.default_rng(0).random((3, 9, 14, 2), np.float32)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def each_plane(function, images):
    """Applies a function of one float Pillow image to every channel of every image."""
    planes = [
        [np.asarray(function(Image.fromarray(p))) for p in np.moveaxis(i, -1, 0)] for i in images
    ]
    return np.moveaxis(np.array(planes), 1, -1)


@pytest.mark.parametrize("size", [(4, 5), (9, 30), (21, 6), (9, 14)])
@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_is_torchs(size, method, antialias):
    torch = pytest.importorskip("torch")
    want = torch.nn.functional.interpolate(
        torch.from_numpy(np.moveaxis(IMAGES, -1, 1)), size, mode=method, antialias=antialias
    )
    got = resize(jnp.asarray(IMAGES), size, method=method, antialias=antialias)
    np.testing.assert_allclose(got, np.moveaxis(want.numpy(), 1, -1), atol=2e-6)


@pytest.mark.parametrize("size", [(4, 6), (21, 30)])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
def test_antialiased_resize_is_pillows(size, method):
    want = each_plane(lambda p: p.resize(size[::-1], FILTERS[method]), IMAGES)
    got = resize(jnp.asarray(IMAGES), size, method=method, antialias=True)
    np.testing.assert_allclose(got, want, atol=2e-6)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_windows_equal_a_crop_and_a_resize(method, antialias):
    boxes = np.array([[0, 0, 14, 9], [3, 2, 11, 4], [13, 1, 2, 9]])
    got = resize_windows(
        jnp.asarray(IMAGES), jnp.asarray(boxes), (5, 6), method=method, antialias=antialias
    )
    for image, (x1, y1, x2, y2), out in zip(IMAGES, boxes, got, strict=True):
        cut = image[y1:y2, min(x1, x2) : max(x1, x2)]
        cut = cut if x1 < x2 else cut[:, ::-1]
        want = resize(jnp.asarray(cut[None]), (5, 6), method=method, antialias=antialias)[0]
        np.testing.assert_allclose(out, want, atol=1e-6)


MATRICES = np.array(
    [[[1, 0, 0], [0, 1, 0]], [[0.8, 0.3, -1], [-0.4, 1.1, 2.5]], [[-1, 0, 14], [0, 2.5, -3]]],
    np.float32,
)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
@pytest.mark.parametrize("fill", [0.0, 0.5])
def test_sample_affine_is_pillows_transform(method, fill):
    got = sample_affine(
        jnp.asarray(IMAGES), jnp.asarray(MATRICES), (8, 11), method=method, fill=fill
    )
    for image, matrix, out in zip(IMAGES, MATRICES, got, strict=True):
        want = each_plane(
            lambda p, m=matrix: p.transform(
                (11, 8), Image.Transform.AFFINE, m.ravel().tolist(), FILTERS[method], fillcolor=fill
            ),
            image[None],
        )[0]
        np.testing.assert_allclose(out, want, atol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_sample_points_with_repeated_edges_is_torchs_grid_sample(method):
    torch = pytest.importorskip("torch")
    points = np.random.default_rng(1).uniform(-4, 18, (3, 50, 2)).astype(np.float32)
    grid = torch.from_numpy(points / [7, 4.5] - 1)[:, :, None].float()
    want = torch.nn.functional.grid_sample(
        torch.from_numpy(np.moveaxis(IMAGES, -1, 1)),
        grid,
        mode=method,
        padding_mode="border",
        align_corners=False,
    )[..., 0]
    got = sample_points(jnp.asarray(IMAGES), jnp.asarray(points), method=method, fill=None)
    np.testing.assert_allclose(got, np.moveaxis(want.numpy(), 1, -1), atol=1e-5)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(23, 9), (1, 31)])
def test_aligned_corners_are_torchs(size, method):
    torch = pytest.importorskip("torch")
    images = torch.from_numpy(np.moveaxis(IMAGES, -1, 1))
    want = torch.nn.functional.interpolate(images, size, mode=method, align_corners=True)
    got = resize(jnp.asarray(IMAGES), size, method=method, align_corners=True)
    np.testing.assert_allclose(np.moveaxis(np.asarray(got), -1, 1), want, atol=1e-5)


def test_nearest_keeps_the_dtype_of_masks():
    masks = jnp.asarray(IMAGES > 0.5)
    assert resize(masks, (3, 3), method="nearest").dtype == bool
    assert sample_affine(masks, jnp.asarray(MATRICES), (3, 3), method="nearest").dtype == bool


def test_gradients_reach_images_and_points():
    points = jnp.array([[[3.3, 4.2]], [[1.0, 0.7]], [[9.1, 2.2]]])
    check_grads(lambda i, p: sample_points(i, p).sum(), (jnp.asarray(IMAGES), points), 1, eps=1e-2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: resize(jnp.ones((1, 4, 4, 1), jnp.uint8), (2, 2)), "floating point, got uint8"),
        (lambda: resize(jnp.ones((1, 4, 4, 1)), (2, 2), method="lanczos"), "lanczos"),
        (lambda: sample_points(jnp.ones((4, 4, 1)), jnp.ones((1, 1, 2))), r"4 axes.*\(4, 4, 1\)"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_images_keep_their_type_and_are_mixed_in_float32(dtype):
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 7, 3)), dtype)
    windows = jnp.array([[0.0, 0.0, 7.0, 5.0]] * 2)
    exact = ops.resize(images.astype(jnp.float32), (9, 4))
    for out in (ops.resize(images, (9, 4)), ops.resize_windows(images, windows, (9, 4))):
        assert out.dtype == dtype  # rounded once: half a unit in the last place
        off = np.abs(np.asarray(out, np.float32) - exact) / np.maximum(np.abs(exact), 1e-3)
        assert off.max() < (2.0**-8 if dtype == "bfloat16" else 1e-4)
