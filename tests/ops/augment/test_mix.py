"""Cutout, mixup and CutMix against NumPy; their draws against SciPy's distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxdl.ops.augment import mix as ops

KEYS = jax.random.split(jax.random.key(3), 64)
IMAGES = np.random.default_rng(0).random((64, 8, 11, 2), np.float32)
LABELS = np.random.default_rng(1).integers(0, 5, 64)
OTHER = np.arange(64) ^ 1

cutout = jax.jit(ops.cutout, static_argnames=("size", "fill"))
mixup = jax.jit(ops.mixup, static_argnames=("num_classes", "alpha"))
cutmix = jax.jit(ops.cutmix, static_argnames=("num_classes", "alpha"))


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("fill", [0.0, 0.5])
def test_cutout_covers_one_square_and_nothing_else(size, fill):
    got = np.asarray(cutout(KEYS, jnp.asarray(IMAGES), size=size, fill=fill))
    squares = {}
    for y in range(8):
        for x in range(11):
            want = np.zeros((8, 11), bool)
            want[
                max(y - size // 2, 0) : y - size // 2 + size,
                max(x - size // 2, 0) : x - size // 2 + size,
            ] = True
            squares[want.tobytes()] = (y, x)
    centers = set()
    for image, out in zip(IMAGES, got, strict=True):
        hole = (out != image).any(axis=-1)
        centers.add(squares[hole.tobytes()])  # a KeyError is a hole that is no such square
        np.testing.assert_array_equal(out[hole], fill)
    assert {y for y, _ in centers} == set(range(8))
    assert len({x for _, x in centers}) >= 9


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_mixes_pairs_of_images_and_targets_alike(alpha):
    images, targets = (
        np.asarray(v)
        for v in mixup(KEYS, jnp.asarray(IMAGES), jnp.asarray(LABELS), num_classes=5, alpha=alpha)
    )
    weight = ((images - IMAGES[OTHER]) / (IMAGES - IMAGES[OTHER])).reshape(64, -1)
    weight = np.median(weight, axis=1)
    broad = weight[:, None, None, None]
    np.testing.assert_allclose(images, broad * IMAGES + (1 - broad) * IMAGES[OTHER], atol=1e-5)
    hot = np.eye(5)[LABELS]
    np.testing.assert_allclose(
        targets, weight[:, None] * hot + (1 - weight[:, None]) * hot[OTHER], atol=1e-4
    )


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_weights_are_beta(alpha):
    keys = jax.random.split(jax.random.key(0), 3000)
    images = jnp.tile(jnp.array([1.0, 0.0]), 1500).reshape(3000, 1, 1, 1)
    got, _ = mixup(keys, images, jnp.zeros(3000, jnp.int32), num_classes=2, alpha=alpha)
    weight = np.asarray(got).reshape(1500, 2)
    weight = np.concatenate([weight[:, 0], 1 - weight[:, 1]])
    assert stats.kstest(weight, stats.beta(alpha, alpha).cdf)[1] > 1e-3


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_cutmix_pastes_a_window_and_counts_its_area(alpha):
    images, targets = (
        np.asarray(v)
        for v in cutmix(KEYS, jnp.asarray(IMAGES), jnp.asarray(LABELS), num_classes=5, alpha=alpha)
    )
    areas = []
    for i in range(64):
        hole = (images[i] != IMAGES[i]).any(axis=-1)
        np.testing.assert_array_equal(images[i][hole], IMAGES[OTHER[i]][hole])
        if hole.any():
            ys, xs = np.nonzero(hole)
            assert hole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].all()
        want = np.zeros(5)
        want[LABELS[i]] += 1 - hole.mean()
        want[LABELS[OTHER[i]]] += hole.mean()
        np.testing.assert_allclose(targets[i], want, atol=1e-6)
        areas.append(hole.mean())
    assert np.std(areas) > 0.1


def test_cutmix_windows_have_the_area_that_was_drawn():
    keys = jax.random.split(jax.random.key(0), 2000)
    images = jnp.tile(jnp.array([1.0, 0.0]), 1000)[:, None, None, None] * jnp.ones((1, 64, 64, 1))
    mixed, _ = cutmix(keys, images, jnp.zeros(2000, jnp.int32), num_classes=2)
    hole = np.asarray(mixed)[..., 0] != np.asarray(images)[..., 0]
    sides = np.stack([hole.any(axis=2).sum(1), hole.any(axis=1).sum(1)], axis=1)
    rows = hole.any(axis=2)
    columns = hole.any(axis=1)
    whole = ~(rows[:, 0] | rows[:, -1] | columns[:, 0] | columns[:, -1])
    np.testing.assert_array_equal(sides[whole, 0], sides[whole, 1])  # the image's own ratio
    # Area 1 - w is uniform for alpha 1; a center keeps a window of side s whole with (1 - s)^2.
    share = [(np.sqrt(a) * 64 // 2 * 2, (1 - np.sqrt(a)) ** 2) for a in np.linspace(0, 1, 10001)]
    want = np.average([s for s, _ in share], weights=[p for _, p in share])
    assert abs(sides[whole, 0].mean() - want) < 1.5


@pytest.mark.parametrize("function", [mixup, cutmix])
def test_a_pair_does_not_see_the_rest_of_the_batch(function):
    images, labels = jnp.asarray(IMAGES), jnp.asarray(LABELS)
    whole = function(KEYS, images, labels, num_classes=5)
    rows = np.array([40, 41, 2, 3])
    part = function(KEYS[rows], images[rows], labels[rows], num_classes=5)
    for a, b in zip(part, whole, strict=True):
        np.testing.assert_allclose(a, b[rows], atol=1e-6)


@pytest.mark.parametrize("function", [mixup, cutmix])
def test_soft_labels_mix_too_and_an_odd_last_row_stays(function):
    images, labels = jnp.asarray(IMAGES[:5]), jnp.asarray(LABELS[:5])
    hard = function(KEYS[:5], images, labels, num_classes=5)
    soft = function(KEYS[:5], images, jax.nn.one_hot(labels, 5), num_classes=5)
    np.testing.assert_allclose(hard[1], soft[1], atol=1e-6)
    np.testing.assert_allclose(hard[0][4], images[4], atol=1e-6)
    np.testing.assert_allclose(hard[1].sum(axis=1), 1, atol=1e-6)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"cutout: size.*0"):
        cutout(KEYS, jnp.asarray(IMAGES), size=0)
    with pytest.raises(ValueError, match=r"mixup: alpha.*-1"):
        mixup(KEYS, jnp.asarray(IMAGES), jnp.asarray(LABELS), num_classes=5, alpha=-1.0)
    with pytest.raises(ValueError, match=r"7 classes.*\(64, 5\)"):
        mixup(KEYS, jnp.asarray(IMAGES), jnp.ones((64, 5)), num_classes=7)
