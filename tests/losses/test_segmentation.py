"""Losses of pixels against torch and float64 loops; boundary distances against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxdl.losses.segmentation import (
    boundary_weights,
    dice_loss,
    jaccard_loss,
    pixel_cross_entropy,
    pixel_focal_loss,
)

RNG = np.random.default_rng(0)
LOGITS = 2 * RNG.normal(size=(3, 5, 6, 4))
SEGMENTS = RNG.integers(0, 4, (3, 5, 6))
SEGMENTS[RNG.random(SEGMENTS.shape) < 0.2] = 255
SEGMENTS[1][SEGMENTS[1] == 2] = 0  # a class that the second picture has not


def shares(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("void", [255, 3])
def test_cross_entropy_and_its_gradient_are_torchs_with_ignore_index(void):
    torch = pytest.importorskip("torch")
    segments = np.where(SEGMENTS == 255, void, SEGMENTS)
    x = torch.tensor(LOGITS.transpose(0, 3, 1, 2), requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.tensor(segments), ignore_index=void)
    loss.backward()

    def mean(logits):
        values = pixel_cross_entropy(logits, jnp.asarray(segments), void=void)
        return values.sum() / (segments != void).sum()

    value, grad = jax.value_and_grad(mean)(jnp.asarray(LOGITS, jnp.float32))
    np.testing.assert_allclose(value, loss.item(), rtol=1e-6)
    np.testing.assert_allclose(grad, x.grad.numpy().transpose(0, 2, 3, 1), atol=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_focal_loss_is_the_formula_in_loops(gamma):
    want = np.zeros(SEGMENTS.shape)
    for place in np.ndindex(SEGMENTS.shape):
        if SEGMENTS[place] != 255:
            p = shares(LOGITS[place])[SEGMENTS[place]]
            want[place] = -((1 - p) ** gamma) * np.log(p)
    got = pixel_focal_loss(jnp.asarray(LOGITS, jnp.float32), jnp.asarray(SEGMENTS), gamma=gamma)
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_has_a_gradient_where_the_network_is_sure(gamma):
    logits = jnp.array([[[[60.0, 0.0], [0.0, 60.0], [0.0, 0.0]]]])
    segments = jnp.array([[[0, 0, 255]]])
    grad = jax.grad(lambda x: pixel_focal_loss(x, segments, gamma=gamma).sum())(logits)
    assert np.isfinite(grad).all()
    assert grad[0, 0, 1, 0] == pytest.approx(-1, abs=1e-3)
    assert not np.asarray(grad[0, 0, 2]).any()


@pytest.mark.parametrize("name", ["dice", "jaccard"])
def test_overlap_losses_are_the_formulas_in_loops(name):
    want = []
    for logits, segments in zip(LOGITS, SEGMENTS, strict=True):
        p, parts = shares(logits), []
        for k in range(4):
            true = segments == k
            if not true.any():
                continue
            counted = segments != 255
            both, found = p[true, k].sum(), p[counted, k].sum()
            if name == "dice":
                parts.append(2 * both / (found + true.sum()))
            else:
                parts.append(both / (found + true.sum() - both))
        want.append(1 - np.mean(parts))
    loss = {"dice": dice_loss, "jaccard": jaccard_loss}[name]
    got = loss(jnp.asarray(LOGITS, jnp.float32), jnp.asarray(SEGMENTS))
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("loss", [dice_loss, jaccard_loss])
def test_overlap_losses_of_nothing_and_of_all_right_are_0(loss):
    nothing = jnp.full((1, 2, 3), 255)
    value, grad = jax.value_and_grad(lambda x: loss(x, nothing).sum())(jnp.ones((1, 2, 3, 2)))
    assert value == 0
    assert not np.asarray(grad).any()
    right = 50.0 * jax.nn.one_hot(jnp.array([[[0, 1, 1], [0, 0, 1]]]), 2)
    np.testing.assert_allclose(loss(right, jnp.array([[[0, 1, 1], [0, 0, 1]]])), 0, atol=1e-6)


@pytest.mark.parametrize(("gain", "sigma"), [(5.0, 2.0), (2.0, 1.0)])
def test_boundary_weights_fall_with_scipys_distance(gain, sigma):
    segments = np.zeros((2, 20, 22), int)
    segments[0, 4:12, 5:15] = 1
    segments[0, 9:16, 11:20] = 2
    segments[1, :, 11:] = 3
    segments[1, 3:6, 8:14] = 255
    got = boundary_weights(jnp.asarray(segments), gain=gain, sigma=sigma)
    for own, weights in zip(segments, got, strict=True):
        want = np.ones(own.shape)
        for k in np.unique(own[own != 255]):
            others = (own != k) & (own != 255)
            distance = ndimage.distance_transform_edt(~others)
            near = np.where(distance <= 3 * sigma, np.exp(-(distance**2) / (2 * sigma**2)), 0)
            want[own == k] += gain * near[own == k]
        np.testing.assert_allclose(weights, want, rtol=1e-5)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="sigma"):
        boundary_weights(jnp.zeros((1, 2, 2), int), sigma=0)
    with pytest.raises(ValueError, match=r"labels must be integers"):
        pixel_cross_entropy(jnp.zeros((1, 2, 2, 3)), jnp.zeros((1, 2, 3), int))
