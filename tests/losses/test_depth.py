"""Depth and angle losses against loops from the papers and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.depth import angle_loss, scale_invariant_log_error
from jaxdl.metrics.shapes import mean_angle, relative_depth_error

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(1, 3, (3, 4, 5)) * (RNG.random((3, 4, 5)) < 0.7)
LOG = RNG.normal(size=(3, 4, 5)) * 0.3


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_log_error_is_eigens(share):
    got = scale_invariant_log_error(jnp.asarray(LOG), jnp.asarray(TRUTH), scale_share=share)
    for b in range(3):
        d = [p - np.log(t) for p, t in zip(LOG[b].ravel(), TRUTH[b].ravel(), strict=True) if t > 0]
        pairs = sum(x * y for x in d for y in d) / len(d) ** 2
        want = sum(x * x for x in d) / len(d) - share * pairs
        np.testing.assert_allclose(got[b], want, rtol=1e-5)
    doubled = scale_invariant_log_error(
        jnp.asarray(LOG + np.log(2)), jnp.asarray(TRUTH), scale_share=share
    )
    assert np.allclose(got, doubled, rtol=1e-4) == (share == 1)


def test_pixels_without_a_truth_and_pictures_of_none_count_nothing():
    changed = np.where(TRUTH > 0, LOG, 99.0)
    for loss in (
        lambda p: scale_invariant_log_error(p, jnp.asarray(TRUTH)),
        lambda p: scale_invariant_log_error(p, jnp.zeros((3, 4, 5))),
    ):
        np.testing.assert_allclose(loss(jnp.asarray(changed)), loss(jnp.asarray(LOG)), rtol=1e-6)
        gradient = jax.grad(lambda p, loss=loss: jnp.sum(loss(p)))(jnp.asarray(LOG))
        assert np.isfinite(gradient).all()
        assert not np.asarray(gradient)[TRUTH == 0].any()


def normals():
    made = RNG.normal(size=(2, 3, 4, 3))
    truth = RNG.normal(size=(2, 3, 4, 3))
    truth /= np.linalg.norm(truth, axis=-1, keepdims=True)
    truth[0, 0] = 0
    return made, truth


def test_the_angle_loss_is_1_less_cosine_of_any_length():
    made, truth = normals()
    got = angle_loss(jnp.asarray(made), jnp.asarray(truth))
    angles = mean_angle(made, truth)
    for b in range(2):
        pixels = [
            (v, t)
            for v, t in zip(made[b].reshape(-1, 3), truth[b].reshape(-1, 3), strict=True)
            if t.any()
        ]
        cosines = [v @ t / np.linalg.norm(v) for v, t in pixels]
        np.testing.assert_allclose(got[b], np.mean([1 - c for c in cosines]), rtol=1e-5)
        np.testing.assert_allclose(angles[b], np.degrees(np.mean(np.arccos(cosines))), rtol=1e-6)
    np.testing.assert_allclose(
        angle_loss(jnp.asarray(5 * made), jnp.asarray(truth)), got, rtol=1e-5
    )
    assert np.isnan(mean_angle(made, np.zeros_like(truth))).all()


@pytest.mark.parametrize("name", ["depth", "angle"])
def test_gradients_are_finite_differences(name):
    made, truth = normals()
    if name == "depth":
        start, loss = LOG, lambda p: jnp.sum(scale_invariant_log_error(p, jnp.asarray(TRUTH)))
    else:
        start, loss = made, lambda p: jnp.sum(angle_loss(p, jnp.asarray(truth)))
    start = jnp.asarray(start, jnp.float32)
    way = jnp.asarray(RNG.normal(size=start.shape), jnp.float32)
    want = (loss(start + 1e-2 * way) - loss(start - 1e-2 * way)) / 2e-2
    np.testing.assert_allclose(jnp.sum(jax.grad(loss)(start) * way), want, rtol=1e-2)
    at_zero = jax.grad(loss)(jnp.zeros_like(start))
    assert np.isfinite(at_zero).all()


def test_the_relative_error_is_a_mean_over_known_pixels():
    depth = np.exp(LOG)
    want = [
        np.mean(np.abs(depth[b] - TRUTH[b])[TRUTH[b] > 0] / TRUTH[b][TRUTH[b] > 0])
        for b in range(3)
    ]
    np.testing.assert_allclose(relative_depth_error(depth, TRUTH), want)
    with pytest.raises(ValueError, match="depth, truth"):
        relative_depth_error(depth, TRUTH[:1])
    with pytest.raises(ValueError, match="scale_share"):
        scale_invariant_log_error(jnp.ones((1, 2, 2)), jnp.ones((1, 2, 2)), scale_share=2.0)
