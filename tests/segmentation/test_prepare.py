"""Classes move with their picture: each pixel's color tells its class, whatever was done to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import data_config
from jaxdl.segmentation.prepare import SegmentImageConfig, load_segments, prepare_segments

SIZE, STEP = (24, 32), 30
PLAIN = {"mean": (0.0,), "std": (1.0,)}


def pictures(count=8):
    """Blocks of classes 0 to 6, and the picture whose gray is STEP for each, from 1 on."""
    blocks = np.random.default_rng(0).integers(0, 7, (count, 3, 4))
    segments = blocks.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    return {"image": (STEP * (segments + 1))[..., None].repeat(3, axis=3), "segments": segments}


def prepared(train=True, **options):
    prepare = jax.jit(
        prepare_segments(SegmentImageConfig(**PLAIN, **options)), static_argnames="train"
    )
    keys = jax.random.split(jax.random.key(1), 8)
    return {k: np.asarray(v) for k, v in prepare(keys, pictures(), train=train).items()}


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"flip": True}, SIZE),
        ({"window": (16, 20), "area": (0.3, 0.9)}, (16, 20)),
        ({"area": (0.3, 0.6), "flip": True}, SIZE),
        ({"rotate": 40.0}, SIZE),
        ({"rotate": 20.0, "window": (12, 16), "area": (0.2, 1.0), "flip": True}, (12, 16)),
    ],
)
def test_every_move_takes_the_classes_along(options, size):
    got = prepared(**options)
    assert got["image"].shape == (8, *size, 3)
    assert got["segments"].shape == (8, *size)
    gray = got["image"][..., 0] * 255 / STEP
    pure = np.abs(gray - np.round(gray)) < 1e-3  # not a mixture of neighbors
    assert pure.mean() > 0.3
    void = got["segments"] == 255
    assert void.any() == ("rotate" in options)
    inside = pure & ~void
    near = np.round(gray)[inside] == got["segments"][inside] + 1.0
    # Between classes 1 and 3 a mixture may look like 2: no more than a few pixels of the rims.
    assert near.mean() > 0.985
    if list(options) == ["rotate"]:  # what came in is black, but for mixtures at the rim
        assert (gray[void] < 1e-3).mean() > 0.8
    changed = (got["segments"] != pictures()["segments"]).any() if size == SIZE else True
    assert changed


def test_nothing_moves_in_evaluation():
    got = prepared(train=False, rotate=40.0, window=(12, 16), jitter=0.5)
    np.testing.assert_array_equal(got["segments"], pictures()["segments"])
    np.testing.assert_allclose(got["image"], pictures()["image"] / 255, atol=1e-6)


@pytest.mark.parametrize("jitter", [0.2, 0.6])
def test_colors_change_and_classes_stay(jitter):
    got = prepared(jitter=jitter)
    np.testing.assert_array_equal(got["segments"], pictures()["segments"])
    away = np.abs(got["image"] - pictures()["image"] / 255).max()
    assert 0.02 < away < 2 * jitter


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"area": (0.5, 0.2)}, "image.area must rise"),
        ({"window": (3,)}, "image.window must be a height and a width"),
        ({"rotate": -1.0}, "image.rotate"),
        ({"std": (0.0,)}, "image.std > 0"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        SegmentImageConfig(**options)


def test_a_set_without_classes_of_pixels_says_what_it_has():
    with pytest.raises(DataError, match="segments is needed"):
        load_segments(data_config("digits"))
    splits = load_segments(data_config("shapes", annotations="segments", synthetic_rows=8))
    assert splits["train"].classes[:2] == ("background", "circle")
    with pytest.raises(UsageError, match=r"data\.annotations must be one of"):
        load_segments(data_config("shapes", annotations="segmets", synthetic_rows=8))


def test_shapes_have_the_class_that_is_seen_at_each_pixel():
    from jaxdl.data.synthetic.shapes import Shapes

    rows = Shapes(5).rows(np.arange(5))
    segments = Shapes(5, fields=("image", "segments")).rows(np.arange(5))["segments"]
    want = np.zeros(segments.shape, int)
    for i, n in np.ndindex(rows["kept"].shape):
        want[i][rows["masks"][i, n]] = rows["labels"][i, n] + 1
    np.testing.assert_array_equal(segments, want)
    assert jnp.asarray(segments).dtype == jnp.uint8
    with pytest.raises(ValueError, match="not both"):
        Shapes(5, fields=("label", "segments"))
