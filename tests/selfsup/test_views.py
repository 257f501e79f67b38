"""Views against the images that they are made of; each option at two values."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.selfsup.views import ViewConfig, prepare_views, random_view

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 12, 3)).astype(np.uint8)
FLOATS = jnp.asarray(IMAGES, jnp.float32) / 255
KEYS = jax.random.split(jax.random.key(0), len(IMAGES))
see = jax.jit(random_view, static_argnums=2)
STILL = ViewConfig(crop=1.0, flip=0.0, jitter=0.0, gray=0.0)


def test_without_changes_a_view_is_close_to_the_image():
    # A window of the whole area may still have other sides: it is then the largest that fits.
    view = see(KEYS, FLOATS, STILL)
    assert view.shape == FLOATS.shape
    assert np.abs(view - FLOATS).mean() < np.abs(view - FLOATS[::-1]).mean()


@pytest.mark.parametrize(
    "change",
    [{"crop": 0.2}, {"affine": 0.3}, {"jitter": 0.5}, {"gray": 0.5}, {"blur": 0.5}, {"flip": 0.5}],
    ids=lambda change: next(iter(change)),
)
def test_an_option_changes_views_and_rows_meet_their_fate_alone(change):
    cfg = dataclasses.replace(STILL, **change)
    view = see(KEYS, FLOATS, cfg)
    plain = see(KEYS, FLOATS, STILL)
    assert np.abs(view - plain).max(axis=(1, 2, 3)).mean() > 0.01
    np.testing.assert_allclose(see(KEYS[3:7], FLOATS[3:7], cfg), view[3:7], atol=1e-5)


def test_a_mirrored_view_is_mirrored_and_a_gray_one_gray():
    plain = np.asarray(see(KEYS, FLOATS, STILL))
    flipped = np.asarray(see(KEYS, FLOATS, dataclasses.replace(STILL, flip=1.0)))
    np.testing.assert_allclose(flipped, plain[:, :, ::-1], atol=1e-4)
    gray = np.asarray(see(KEYS, FLOATS, dataclasses.replace(STILL, gray=1.0)))
    np.testing.assert_allclose(np.ptp(gray, axis=-1), 0, atol=1e-6)


def test_training_has_two_views_of_an_image_and_evaluation_the_image():
    cfg = ViewConfig(size=8, mean=(0.5,), std=(0.25,))
    prepare = prepare_views(cfg)
    train = jax.jit(partial(prepare, train=True))
    pair = train(KEYS, {"image": IMAGES, "label": np.arange(40)})
    assert pair["image"].shape == (40, 2, 8, 8, 3)
    assert np.abs(pair["image"][:, 0] - pair["image"][:, 1]).max(axis=(1, 2, 3)).min() > 0.05
    whole = prepare(KEYS, {"image": IMAGES}, train=False)["image"]
    np.testing.assert_allclose(whole, (IMAGES / 255.0 - 0.5) / 0.25, atol=1e-5)


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match=r"views\.jitter and views\.gray .* 1 channel.*both to 0"):
        random_view(KEYS, FLOATS[..., :1], ViewConfig())
    with pytest.raises(UsageError, match=r"views\.flip must lie in \[0, 1\], got 2"):
        ViewConfig(flip=2.0)
    with pytest.raises(UsageError, match="crop must be > 0"):
        ViewConfig(crop=0.0)
