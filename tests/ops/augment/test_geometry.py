"""Rotations and crops against Pillow and torchvision; boxes and points follow the pixels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from jaxdl.ops import resize
from jaxdl.ops.augment import geometry as geo
from jaxdl.ops.augment.crop_flip import random_crop_flip

sample_affine = jax.jit(resize.sample_affine, static_argnames=("size", "method", "fill"))
resize_windows = jax.jit(resize.resize_windows, static_argnames=("size", "method"))
random_resized_crop = jax.jit(
    geo.random_resized_crop, static_argnames=("size", "scale", "flip_probability")
)
draw_rotation = jax.jit(geo.draw_rotation, static_argnums=1, static_argnames=("degrees",))
sample_crop_flip_matrix = jax.jit(
    geo.sample_crop_flip_matrix, static_argnums=1, static_argnames=("padding",)
)
draw_resized_crop = jax.jit(
    geo.draw_resized_crop,
    static_argnums=1,
    static_argnames=("scale", "ratio", "flip_probability"),
)
warp_boxes = jax.jit(geo.warp_boxes, static_argnums=3, static_argnames=("min_visible",))
warp_masks = jax.jit(geo.warp_masks, static_argnums=2, static_argnames=("fill",))
warp_points = jax.jit(geo.warp_points, static_argnums=3)
random_rotation = jax.jit(geo.random_rotation, static_argnames=("degrees",))

SIZE = (20, 26)
KEYS = jax.random.split(jax.random.key(3), 12)
IMAGES = np.random.default_rng(0).random((12, *SIZE, 3), np.float32)


def angles(matrix):
    return np.rad2deg(np.arctan2(np.asarray(matrix)[:, 1, 0], np.asarray(matrix)[:, 0, 0]))


@pytest.mark.parametrize("degrees", [15.0, 120.0])
def test_rotation_is_pillows(degrees):
    matrix = draw_rotation(KEYS, SIZE, degrees=degrees)
    got = random_rotation(KEYS, jnp.asarray(IMAGES), degrees=degrees)
    for image, angle, out in zip(IMAGES, angles(matrix), got, strict=True):
        for channel in range(3):
            want = Image.fromarray(image[..., channel]).rotate(angle, Image.Resampling.BILINEAR)
            np.testing.assert_allclose(out[..., channel], np.asarray(want), atol=1e-4)


@pytest.mark.parametrize("degrees", [15.0, 120.0])
def test_rotation_angles_are_uniform(degrees):
    keys = jax.random.split(jax.random.key(1), 2000)
    drawn = angles(draw_rotation(keys, SIZE, degrees=degrees))
    assert stats.kstest(drawn, stats.uniform(-degrees, 2 * degrees).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("scale", "ratio"), [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.3, 0.5), (2.0, 3.0))]
)
def test_resized_crop_draws_like_torchvision(torchvision, scale, ratio):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    get_params = torchvision.transforms.RandomResizedCrop.get_params
    image = torch.zeros(3, 40, 50)
    want = np.array([get_params(image, list(scale), list(ratio)) for _ in range(1500)])
    keys = jax.random.split(jax.random.key(0), 1500)
    x1, y1, x2, y2 = np.asarray(draw_resized_crop(keys, (40, 50), scale=scale, ratio=ratio)).T
    got = np.stack([y1, x1, y2 - y1, x2 - x1], axis=1)
    assert (x1 >= 0).all()
    assert (y1 >= 0).all()
    assert (x2 <= 50).all()
    assert (y2 <= 40).all()
    for column in range(4):
        assert stats.kstest(got[:, column], want[:, column])[1] > 1e-3


@pytest.mark.parametrize(
    ("size", "want"), [((10, 100), (43, 0, 56, 10)), ((100, 10), (0, 43, 10, 56))]
)
def test_resized_crop_falls_back_to_the_largest_centered_window(size, want):
    windows = draw_resized_crop(KEYS[:2], size, scale=(0.9, 1.0))
    np.testing.assert_array_equal(windows, [want] * 2)


@pytest.mark.parametrize("flip_probability", [0.0, 1.0])
def test_resized_crop_is_torchvisions(torchvision, flip_probability):
    torch = pytest.importorskip("torch")
    functional = torchvision.transforms.functional
    options = {"scale": (0.2, 0.9), "flip_probability": flip_probability}
    windows = np.asarray(draw_resized_crop(KEYS, SIZE, **options)).astype(int)
    got = random_resized_crop(KEYS, jnp.asarray(IMAGES), size=(12, 14), **options)
    for image, (x1, y1, x2, y2), out in zip(IMAGES, windows, got, strict=True):
        tensor = torch.from_numpy(image).permute(2, 0, 1)
        tensor = functional.resized_crop(
            tensor, y1, min(x1, x2), y2 - y1, abs(x2 - x1), [12, 14], antialias=True
        )
        tensor = functional.hflip(tensor) if flip_probability else tensor
        np.testing.assert_allclose(out, tensor.permute(1, 2, 0).numpy(), atol=1e-5)


@pytest.mark.parametrize("padding", [2, 4])
def test_crop_flip_as_a_move_is_the_gather(padding):
    matrix = sample_crop_flip_matrix(KEYS, SIZE, padding=padding)
    np.testing.assert_allclose(
        sample_affine(jnp.asarray(IMAGES), matrix, SIZE),
        random_crop_flip(KEYS, jnp.asarray(IMAGES), padding=padding),
        atol=1e-6,
    )


def test_window_as_a_move_is_the_resized_window():
    windows = draw_resized_crop(KEYS, SIZE, scale=(0.3, 0.8), flip_probability=0.5)
    moved = sample_affine(
        jnp.asarray(IMAGES), geo.crop_matrix(windows, (16, 32)), (16, 32), method="nearest"
    )
    cut = resize_windows(jnp.asarray(IMAGES), windows, (16, 32), method="nearest")
    np.testing.assert_array_equal(moved, cut)


MOVES = {
    "crop": lambda: (sample_crop_flip_matrix(KEYS, SIZE, padding=6), SIZE),
    "turn": lambda: (draw_rotation(KEYS, SIZE, degrees=60), SIZE),
    "window": lambda: (
        geo.crop_matrix(draw_resized_crop(KEYS, SIZE, flip_probability=0.5), (31, 33)),
        (31, 33),
    ),
    "both": lambda: (
        geo.compose(
            sample_crop_flip_matrix(KEYS, SIZE, padding=6),
            draw_rotation(KEYS, SIZE, degrees=20),
        ),
        SIZE,
    ),
}


def solid_boxes(rng, rows, count):
    """Whole-numbered boxes `(rows, count, 4)` in SIZE and the masks of their pixels."""
    low = rng.integers(0, [[[SIZE[1] - 3, SIZE[0] - 3]]], (rows, count, 2))
    high = np.minimum(low + rng.integers(3, 12, (rows, count, 2)), SIZE[::-1])
    x, y = np.moveaxis(np.stack([low, high], axis=-1), 2, 0)
    boxes = np.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)
    masks = np.zeros((rows, count, *SIZE), bool)
    for r in range(rows):
        for n in range(count):
            masks[r, n, y[r, n, 0] : y[r, n, 1], x[r, n, 0] : x[r, n, 1]] = True
    return boxes.astype(np.float32), masks


def extent(mask):
    ys, xs = np.nonzero(mask)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


@pytest.mark.parametrize("name", MOVES)
def test_boxes_stay_around_the_pixels_of_their_masks(name):
    matrix, size = MOVES[name]()
    boxes, masks = solid_boxes(np.random.default_rng(2), len(KEYS), 4)
    kept = jnp.ones(boxes.shape[:2], bool)
    new_boxes, new_kept = warp_boxes(matrix, jnp.asarray(boxes), kept, size, min_visible=0.0)
    new_masks = np.asarray(warp_masks(matrix, jnp.asarray(masks), size))
    zoom = 1 / np.sqrt(np.abs(np.linalg.det(np.asarray(matrix)[:, :, :2])))  # new pixels per old
    seen = 0
    for r, n in np.ndindex(*kept.shape):
        if not new_masks[r, n].any():
            continue
        assert new_kept[r, n]
        box, want, slack = np.asarray(new_boxes[r, n]), extent(new_masks[r, n]), max(1.0, zoom[r])
        assert (box[:2] <= want[:2] + slack).all()
        assert (box[2:] >= want[2:] - slack).all()
        # The upright box around a turned one that is cut off is larger than what is left of it.
        cut = (box[:2] <= 0).any() or (box[2:] >= size[::-1]).any()
        if name in ("crop", "window") or not cut:
            assert (np.abs(box - want) <= 2 * slack).all()
            seen += 1
    assert seen > 8


def test_boxes_mostly_outside_are_dropped_and_zero():
    boxes = jnp.array([[[0.0, 0, 10, 10], [16, 10, 26, 20], [0, 0, 0, 0]]])
    kept = jnp.array([[True, True, False]])
    shift = jnp.array([[[1.0, 0, 8], [0, 1, 0]]])
    for min_visible, want in [(0.1, [True, True, False]), (0.3, [False, True, False])]:
        new, new_kept = warp_boxes(shift, boxes, kept, SIZE, min_visible=min_visible)
        np.testing.assert_array_equal(new_kept[0], want)
        np.testing.assert_array_equal(new[0, 1], [8, 10, 18, 20])
        assert not new[0, 2].any()
        np.testing.assert_array_equal(new[0, 0], [0, 0, 2, 10] if want[0] else [0, 0, 0, 0])


@pytest.mark.parametrize("name", MOVES)
def test_points_follow_the_pixel_they_stand_on(name):
    matrix, size = MOVES[name]()
    points = np.random.default_rng(4).uniform(4, [22, 16], (len(KEYS), 3, 2)).astype(np.float32)
    # Smooth pictures whose gray values are the old x and y: read back at the new place.
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    ramps = np.broadcast_to(np.stack([xs, ys], axis=-1), (len(KEYS), *SIZE, 2))
    moved, visible = warp_points(matrix, jnp.asarray(points), jnp.ones((12, 3), bool), size)
    ramps = np.asarray(sample_affine(jnp.asarray(ramps, jnp.float32), matrix, size, fill=None))
    seen = 0
    for r, n in np.ndindex(12, 3):
        x, y = np.asarray(moved[r, n])
        assert bool(visible[r, n]) == (0 <= x <= size[1] and 0 <= y <= size[0])
        if 1 < x < size[1] - 1 and 1 < y < size[0] - 1:
            at = [
                ndimage.map_coordinates(ramps[r, ..., c], [[y - 0.5], [x - 0.5]], order=1)[0]
                for c in range(2)
            ]
            near_edge = (points[r, n] < 1).any() or (points[r, n] > np.array(SIZE[::-1]) - 1).any()
            if not near_edge:
                np.testing.assert_allclose(at, points[r, n], atol=0.3)
                seen += 1
    assert seen > 5


def test_label_maps_and_masks_move_alike():
    matrix = draw_rotation(KEYS, SIZE, degrees=40)
    labels = np.random.default_rng(0).integers(0, 3, (12, *SIZE))
    planes = np.stack([labels == k for k in range(3)], axis=1)
    moved = warp_masks(matrix, jnp.asarray(labels), SIZE, fill=255)
    moved_planes = warp_masks(matrix, jnp.asarray(planes), SIZE)
    for k in range(3):
        np.testing.assert_array_equal(moved == k, moved_planes[:, k])
    np.testing.assert_array_equal(moved == 255, ~np.asarray(moved_planes).any(axis=1))
    for label, angle, out in zip(labels, angles(matrix), moved, strict=True):
        picture = Image.fromarray(label.astype(np.float32))
        want = np.asarray(picture.rotate(angle, Image.Resampling.NEAREST, fillcolor=255))
        assert (np.asarray(out) != want).mean() < 0.01  # ties on pixel edges


def test_is_mirrored_finds_the_flips():
    matrix = sample_crop_flip_matrix(KEYS, SIZE)
    turned = geo.compose(matrix, draw_rotation(KEYS, SIZE, degrees=170))
    plain = random_crop_flip(KEYS, jnp.asarray(IMAGES), padding=0)
    flipped = [not np.array_equal(a, b) for a, b in zip(plain, IMAGES, strict=True)]
    assert 0 < sum(flipped) < 12
    np.testing.assert_array_equal(geo.is_mirrored(matrix), flipped)
    np.testing.assert_array_equal(geo.is_mirrored(turned), flipped)


@pytest.mark.parametrize(
    "function",
    [
        partial(random_rotation, degrees=30),
        partial(random_resized_crop, size=(8, 9), flip_probability=0.5),
    ],
)
def test_same_key_same_result_whatever_the_batch(function):
    images = jnp.asarray(IMAGES)
    whole = function(KEYS, images)
    for rows in ([5], [11, 2, 5]):
        rows = np.array(rows)
        np.testing.assert_allclose(function(KEYS[rows], images[rows]), whole[rows], atol=1e-6)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"degrees.*-3"):
        draw_rotation(KEYS, SIZE, degrees=-3)
    with pytest.raises(ValueError, match=r"min_visible.*2"):
        warp_boxes(
            jnp.ones((1, 2, 3)), jnp.ones((1, 1, 4)), jnp.ones((1, 1), bool), SIZE, min_visible=2
        )


@pytest.mark.parametrize(("strength", "shift"), [(0.2, 0.0), (0.05, 3.0)])
def test_a_small_affine_move_is_as_small_as_it_says(strength, shift):
    keys = jax.random.split(jax.random.key(0), 400)
    matrix = np.asarray(geo.draw_affine(keys, SIZE, strength=strength, shift=shift), float)
    added = matrix[:, :, :2] - np.eye(2)
    assert 0.95 * strength < np.abs(added).max() <= strength * 1.0001
    assert stats.kstest(added.ravel(), stats.uniform(-strength, 2 * strength).cdf).pvalue > 0.01
    center = np.array([SIZE[1] / 2, SIZE[0] / 2])
    moved = matrix[:, :, :2] @ center + matrix[:, :, 2] - center  # where the center comes from
    assert 0.95 * shift - 1e-4 <= np.abs(moved).max() <= shift + 1e-4
