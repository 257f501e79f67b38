"""Crops and flips against NumPy's windows and mirrors."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.augment import crop_flip as augment

KEYS = jax.random.split(jax.random.key(3), 64)
IMAGES = np.random.default_rng(0).integers(0, 256, (64, 7, 9, 3), np.uint8)


@pytest.mark.parametrize("probability", [0.5, 0.1])
def test_flip_mirrors_each_image_or_leaves_it(probability):
    keys = jax.random.split(jax.random.key(0), 2000)
    images = jnp.asarray(np.random.default_rng(1).normal(size=(2000, 2, 3, 1)), jnp.float32)
    got = np.asarray(jax.jit(partial(augment.random_flip, probability=probability))(keys, images))
    same = np.array([np.array_equal(a, b) for a, b in zip(got, images, strict=True)])
    mirrored = np.array([np.array_equal(a, np.fliplr(b)) for a, b in zip(got, images, strict=True)])
    assert (same ^ mirrored).all()
    sigma = np.sqrt(probability * (1 - probability) / 2000)
    assert abs(mirrored.mean() - probability) < 5 * sigma


def crops(image, padding):
    """Every crop of the padded image, by NumPy: offset -> pixels."""
    height, width, _ = image.shape
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    return {
        (y - padding, x - padding): padded[y : y + height, x : x + width]
        for y in range(2 * padding + 1)
        for x in range(2 * padding + 1)
    }


@pytest.mark.parametrize("padding", [1, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_crop_is_a_window_of_the_padded_image(padding, dtype):
    got = np.asarray(
        jax.jit(partial(augment.random_crop, padding=padding))(KEYS, jnp.asarray(IMAGES, dtype))
    )
    assert got.dtype == dtype
    seen = set()
    for image, out in zip(IMAGES, got, strict=True):
        offsets = [o for o, crop in crops(image, padding).items() if np.array_equal(crop, out)]
        assert len(offsets) == 1
        seen.update(offsets)
    assert {y for y, _ in seen} == {x for _, x in seen} == set(range(-padding, padding + 1))


@pytest.mark.parametrize("flip_probability", [0.0, 1.0])
def test_crop_flip_crops_the_mirrored_image(flip_probability):
    got = augment.random_crop_flip(
        KEYS, jnp.asarray(IMAGES), padding=2, flip_probability=flip_probability
    )
    flip, dy, dx = augment.draw_crop_flip(KEYS, 2, flip_probability)
    for image, out, f, y, x in zip(IMAGES, np.asarray(got), flip, dy, dx, strict=True):
        assert bool(f) == bool(flip_probability)
        image = np.fliplr(image) if f else image
        np.testing.assert_array_equal(out, crops(image, 2)[int(y), int(x)])


def test_crop_offsets_are_uniform_and_independent():
    keys = jax.random.split(jax.random.key(5), 9000)
    flip, dy, dx = (np.asarray(v) for v in augment.draw_crop_flip(keys, 1, 0.5))
    counts = np.zeros((2, 3, 3))
    np.add.at(counts, (flip.astype(int), dy + 1, dx + 1), 1)
    assert abs(counts - 500).max() < 5 * np.sqrt(500)


@pytest.mark.parametrize(
    "function", [augment.random_flip, augment.random_crop, augment.random_crop_flip]
)
def test_same_key_same_result_whatever_the_batch(function):
    images = jnp.asarray(IMAGES)
    whole = jax.jit(function)(KEYS, images)
    rows = np.array([40, 2, 5])
    np.testing.assert_array_equal(jax.jit(function)(KEYS[rows], images[rows]), whole[rows])


def test_split_rows_gives_every_row_its_own_independent_keys():
    a, b = augment.split_rows(KEYS, 2)
    words = np.asarray(jax.random.key_data(jnp.concatenate([a, b, KEYS])))
    assert len(np.unique(words, axis=0)) == 3 * 64


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: augment.random_flip(KEYS, jnp.ones((64, 3, 3))), r"4 axes.*\(64, 3, 3\)"),
        (
            lambda: augment.random_flip(KEYS, jnp.ones((64, 3, 3, 1)), probability=1.5),
            "flip_probability.*1.5",
        ),
        (lambda: augment.random_crop(KEYS, jnp.ones((64, 3, 3, 1)), padding=-1), "padding.*-1"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
