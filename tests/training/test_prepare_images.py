"""Random holes and mixtures through a config: what `prepare` gives to a model."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from jaxdl.checks import UsageError
from jaxdl.ops.augment.color import draw_jitter
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.training.prepare_images import ImageConfig, prepare_images

IMAGES = np.random.default_rng(0).integers(1, 256, (6, 8, 8, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 1])
KEYS = jax.random.split(jax.random.key(0), 6)
BATCH = {"image": jnp.asarray(IMAGES), "label": jnp.asarray(LABELS)}


@pytest.mark.parametrize("size", [2, 4])
def test_cutout_covers_a_square_with_the_mean(size):
    cfg = ImageConfig(mean=(0.5,), std=(0.25,), cutout=size)
    out = prepare_images(cfg)(KEYS, BATCH, train=True)["image"]
    plain = (IMAGES / 255.0 - 0.5) / 0.25
    changed = ~np.isclose(out, plain, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(out)[changed], 0)
    counts = changed.sum((1, 2, 3))
    assert counts.min() >= 1
    assert counts.max() == size**2
    np.testing.assert_allclose(
        prepare_images(cfg)(KEYS, BATCH, train=False)["image"], plain, atol=1e-5
    )


@pytest.mark.parametrize("alpha", [0.2, 5.0])
def test_mixup_blends_pairs_and_their_labels(alpha):
    prepare = prepare_images(ImageConfig(mixup=alpha), num_classes=3)
    out = prepare(KEYS, BATCH, train=True)
    plain, one_hot = IMAGES / 255.0, np.eye(3)[LABELS]
    for row in range(6):
        other = row ^ 1
        weight = float(out["target"][row, LABELS[row]])
        if LABELS[row] == LABELS[other]:
            np.testing.assert_allclose(out["target"][row], one_hot[row], atol=1e-6)
            continue
        mixed = weight * plain[row] + (1 - weight) * plain[other]
        np.testing.assert_allclose(out["image"][row], mixed, atol=1e-5)
        want = weight * one_hot[row] + (1 - weight) * one_hot[other]
        np.testing.assert_allclose(out["target"][row], want, atol=1e-6)
    np.testing.assert_array_equal(out["label"], LABELS)
    assert "target" not in prepare(KEYS, BATCH, train=False)


def test_cutmix_takes_pixels_of_both_and_counts_them():
    out = prepare_images(ImageConfig(cutmix=1.0), num_classes=3)(KEYS, BATCH, train=True)
    plain = IMAGES / 255.0
    for row in (0, 1, 2, 3):  # of pairs with unlike labels
        own = np.isclose(out["image"][row], plain[row], atol=1e-6)
        other = np.isclose(out["image"][row], plain[row ^ 1], atol=1e-6)
        assert (own | other).all()
        share = float(out["target"][row, LABELS[row ^ 1]])
        assert abs((~own).mean() - share) < 3 / 64  # equal pixels of both


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixup": 0.2, "cutmix": 1.0}, "image.mixup and image.cutmix exclude each other"),
        ({"cutout": -1}, "image.cutout must be >= 0, got -1"),
        ({"area": (0.5, 0.2)}, "image.area must rise within"),
        ({"crop": 2, "area": (0.5, 1.0)}, "image.crop and image.area exclude each other"),
    ],
)
def test_configs_that_cannot_be_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        ImageConfig(**options)


def test_lighting_adds_alexnets_colors():
    """The added colors, divided by the published spread along its axes, are N(0, strength^2)."""
    keys, image = jax.random.split(jax.random.key(0), 4000), np.full((4000, 1, 1, 3), 128, np.uint8)
    cfg = ImageConfig(mean=(0.5,), std=(0.25,), lighting=0.1)
    out = prepare_images(cfg)(keys, {"image": jnp.asarray(image)}, train=True)["image"]
    color = np.float64(out)[:, 0, 0] * 0.25 + 0.5 - 128 / 255
    spread = np.array([0.2175, 0.0188, 0.0045])
    axes = np.array(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.814], [-0.5836, -0.6948, 0.4203]]
    )
    amounts = color @ np.linalg.inv(np.transpose(axes)) / spread
    np.testing.assert_allclose(amounts.std(axis=0), 0.1, rtol=0.05)
    np.testing.assert_allclose(amounts.mean(axis=0), 0, atol=0.006)


def test_jitter_is_one_of_pillows_brightness_contrast_and_color():
    """An order of Pillow's three enhancements gives each row, but for its roundings."""
    image = np.random.default_rng(1).integers(60, 190, (6, 8, 8, 3), np.uint8)
    out = prepare_images(ImageConfig(jitter=0.5))(KEYS, {"image": jnp.asarray(image)}, train=True)
    own, _ = split_rows(jax.vmap(jax.random.fold_in, (0, None))(KEYS, 2), 2)
    factors = np.asarray(draw_jitter(own, (0.5, 0.5, 0.5, 0.0), 1.0)[0])
    assert np.ptp(factors[:, 0]) > 0.1
    enhance = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for row in range(6):
        errors = []
        for order in itertools.permutations(range(3)):
            changed = Image.fromarray(image[row])
            for i in order:
                changed = enhance[i](changed).enhance(float(factors[row, i]))
            errors.append(np.abs(np.asarray(changed) / 255 - np.asarray(out["image"][row])).max())
        assert min(errors) < 4 / 255


def test_windows_of_an_image_are_resized_to_its_size():
    """A ramp in x stays a ramp, of a slope between those of the smallest and the whole window."""
    ramp = np.broadcast_to(np.arange(0, 256, 8, np.uint8)[None, None, :, None], (6, 32, 32, 1))
    cfg = ImageConfig(area=(0.3, 0.5))
    out = prepare_images(cfg)(KEYS, {"image": jnp.asarray(ramp)}, train=True)["image"]
    assert out.shape == ramp.shape
    slope = np.diff(np.float64(out)[:, :, 4:-4, 0], axis=2) * 255 / 8  # pixels a pixel
    np.testing.assert_allclose(slope, slope[:, :1, :1] + 0 * slope, atol=0.02)
    share = slope.mean((1, 2))
    assert (share > np.sqrt(0.3 * 3 / 4) - 0.05).all()
    assert (share < np.sqrt(0.5 * 4 / 3) + 0.05).all()
    assert np.ptp(share) > 0.02


def test_mixing_needs_classes():
    with pytest.raises(UsageError, match="need one class a row to mix"):
        prepare_images(ImageConfig(mixup=0.2))


@pytest.mark.parametrize("option", [{"mean": (0.5,)}, {"std": (2.0,)}, {"crop": 1}, {"flip": True}])
def test_options_of_images_are_refused_for_a_table(option):
    table = {"input": jnp.ones((6, 3)), "label": jnp.asarray(LABELS)}
    out = prepare_images(ImageConfig())(KEYS, table, train=True)
    np.testing.assert_array_equal(out["image"], table["input"])
    for train in (True, False):
        with pytest.raises(UsageError, match=f"image.{next(iter(option))}: the data has no images"):
            prepare_images(ImageConfig(**option))(KEYS, table, train=train)
