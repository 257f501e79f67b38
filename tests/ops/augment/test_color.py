"""Color augmentation against torchvision's; its draws against SciPy's distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxdl.ops.augment import color as ops

KEYS = jax.random.split(jax.random.key(3), 48)
IMAGES = np.random.default_rng(0).random((48, 5, 6, 3), np.float32)
IMAGES[0, 0] = 0.5  # gray: no hue
IMAGES[1, 0, :, 1] = IMAGES[1, 0, :, 0]  # two channels tie for the largest or the smallest
ALL = {"brightness": 0.4, "contrast": 0.5, "saturation": 0.6, "hue": 0.3}

color_jitter = jax.jit(ops.color_jitter, static_argnames=(*ALL, "probability"))
draw_jitter = jax.jit(ops.draw_jitter, static_argnums=(1, 2))
pca_lighting = jax.jit(ops.pca_lighting, static_argnames=("strength", "spread", "axes"))


def by_torchvision(torchvision, image, factors, order):
    torch = pytest.importorskip("torch")
    functional = torchvision.transforms.functional
    changes = [
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
        functional.adjust_hue,
    ]
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    for which in order:
        tensor = changes[which](tensor, float(factors[which]))
    return tensor.permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    "strengths",
    [ALL, dict.fromkeys(ALL, 0.2), {"brightness": 1.5}, {"contrast": 0.8}, {"hue": 0.5}],
)
def test_color_jitter_is_torchvisions(torchvision, strengths):
    values = tuple(strengths.get(k, 0.0) for k in ALL)
    factors, order, chosen = (np.asarray(v) for v in draw_jitter(KEYS, values, 1.0))
    assert chosen.all()
    got = color_jitter(KEYS, jnp.asarray(IMAGES), **strengths)
    for image, factor, turn, out in zip(IMAGES, factors, order, got, strict=True):
        np.testing.assert_allclose(out, by_torchvision(torchvision, image, factor, turn), atol=2e-5)


def test_jitter_draws_factors_and_orders_evenly():
    keys = jax.random.split(jax.random.key(0), 4800)
    factors, order, chosen = (np.asarray(v) for v in draw_jitter(keys, tuple(ALL.values()), 0.3))
    for factor, low, width in zip(
        factors.T, [0.6, 0.5, 0.4, -0.3], [0.8, 1.0, 1.2, 0.6], strict=True
    ):
        assert stats.kstest(factor, stats.uniform(low, width).cdf)[1] > 1e-3
    _, counts = np.unique(order, axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts)[1] > 1e-3
    assert abs(chosen.mean() - 0.3) < 0.04


@pytest.mark.parametrize("probability", [0.0, 0.5])
def test_jitter_leaves_the_rows_that_are_not_chosen(probability):
    chosen = np.asarray(draw_jitter(KEYS, tuple(ALL.values()), probability)[2])
    got = color_jitter(KEYS, jnp.asarray(IMAGES), **ALL, probability=probability)
    changed = (np.asarray(got) != IMAGES).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, chosen)


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_random_gray_is_torchvisions(torchvision, probability):
    torch = pytest.importorskip("torch")
    got = np.asarray(ops.random_grayscale(KEYS, jnp.asarray(IMAGES), probability=probability))
    tensor = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    want = torchvision.transforms.functional.rgb_to_grayscale(tensor, 3).permute(0, 2, 3, 1)
    gray = np.isclose(got, want.numpy(), atol=1e-6).all(axis=(1, 2, 3))
    same = (got == IMAGES).all(axis=(1, 2, 3))
    assert (gray ^ same).all()
    assert abs(gray.mean() - probability) < 0.25


@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_lighting_adds_the_colors_of_the_principal_axes(strength):
    pixels = np.random.default_rng(1).normal(size=(500, 3)) @ np.array(
        [[2, 0, 0], [1, 1, 0], [0.5, 0, 0.3]]
    )
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    keys = jax.random.split(jax.random.key(0), 4000)
    images = jnp.zeros((4000, 1, 2, 3))
    got = np.asarray(
        pca_lighting(
            keys,
            images,
            strength=strength,
            spread=tuple(values),
            axes=tuple(tuple(row) for row in vectors),
        )
    )
    np.testing.assert_array_equal(got[:, 0, 0], got[:, 0, 1])  # one color an image
    amounts = got[:, 0, 0] @ vectors / values  # a_i, independent N(0, strength^2)
    for amount in amounts.T:
        assert stats.kstest(amount, stats.norm(0, strength).cdf)[1] > 1e-3
    assert abs(np.corrcoef(amounts.T) - np.eye(3)).max() < 0.08


def test_lighting_of_imagenet_uses_orthonormal_axes():
    axes = np.array(ops.IMAGENET_AXES)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-3)
    got = pca_lighting(KEYS, jnp.asarray(IMAGES))
    shift = np.asarray(got) - IMAGES
    assert shift.std(axis=(1, 2)).max() < 1e-6
    assert 0 < np.abs(shift).max() < 0.1


@pytest.mark.parametrize("function", [lambda k, x: color_jitter(k, x, **ALL), pca_lighting])
def test_same_key_same_result_whatever_the_batch(function):
    images = jnp.asarray(IMAGES)
    whole = function(KEYS, images)
    rows = np.array([40, 2, 5])
    np.testing.assert_allclose(function(KEYS[rows], images[rows]), whole[rows], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: color_jitter(KEYS, jnp.ones((48, 2, 2, 1))), r"\(B, H, W, 3\).*\(48, 2, 2, 1\)"),
        (lambda: color_jitter(KEYS, jnp.ones((48, 2, 2, 3), jnp.uint8)), "floating point.*uint8"),
        (lambda: color_jitter(KEYS, jnp.asarray(IMAGES), hue=0.6), "hue 0.6"),
        (lambda: color_jitter(KEYS, jnp.asarray(IMAGES), contrast=-1.0), "contrast -1"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
