"""Losses of boxes and heat against their formulas in float64, and against torchvision's."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.detection import (
    centerness,
    hard_negatives,
    heatmap_focal_loss,
    pull_together,
    push_apart,
    sigmoid_focal_loss,
    smooth_l1,
)


def test_losses_of_boxes_and_heat_by_formula():
    d = np.array([[0.05, -2.0, 0.0, 1.0]])
    for beta in (0.1, 1.0):
        want = [x * x / (2 * beta) if abs(x) < beta else abs(x) - beta / 2 for x in d[0]]
        np.testing.assert_allclose(
            smooth_l1(jnp.array(d), jnp.zeros((1, 4)), beta=beta), sum(want), rtol=1e-5
        )
    z, heat = jnp.array([0.3, 0.3]), jnp.array([1.0, 0.5])
    p = 1 / (1 + np.exp(-0.3))
    for alpha, beta in ((2.0, 4.0), (1.0, 2.0)):
        want = [-((1 - p) ** alpha) * np.log(p), -(0.5**beta) * p**alpha * np.log(1 - p)]
        np.testing.assert_allclose(
            heatmap_focal_loss(z, heat, alpha=alpha, beta=beta), want, rtol=1e-5
        )
    assert np.isfinite(
        jax.grad(lambda v: heatmap_focal_loss(v, heat).sum())(jnp.array([-200.0, 200.0]))
    ).all()


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.6, 0.5)])
def test_focal_loss_is_torchvisions_value_and_gradient(torchvision, alpha, gamma):
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module("torchvision.ops.focal_loss").sigmoid_focal_loss
    rng = np.random.default_rng(0)
    z, t = rng.normal(0, 3, (6, 5)), rng.integers(0, 2, (6, 5)).astype(float)
    given = torch.tensor(z, requires_grad=True)
    want = theirs(given, torch.tensor(t), alpha=alpha, gamma=gamma)
    want.sum().backward()

    def total(z):
        loss = sigmoid_focal_loss(z, jnp.float32(t), alpha=alpha, gamma=gamma)
        return loss.sum(), loss

    gradient, got = jax.grad(total, has_aux=True)(jnp.float32(z))
    np.testing.assert_allclose(got, want.detach(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradient, given.grad, rtol=2e-5, atol=1e-7)


def test_focal_loss_stays_finite_where_a_probability_is_0_or_1():
    z, t = jnp.array([-200.0, 200.0, -200.0, 200.0]), jnp.array([1.0, 0.0, 0.0, 1.0])
    value, gradient = jax.value_and_grad(lambda z: sigmoid_focal_loss(z, t).sum())(z)
    np.testing.assert_allclose(value, 200 * (0.25 + 0.75), rtol=1e-6)
    np.testing.assert_allclose(gradient, [-0.25, 0.75, 0, 0], atol=1e-6)
    with pytest.raises(ValueError, match="alpha"):
        sigmoid_focal_loss(z, t, alpha=1.5)


@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_the_hardest_negatives_count_by_sorting_each_picture(ratio):
    rng = np.random.default_rng(1)
    loss = rng.integers(0, 9, (4, 40)) / 8  # with ties
    positive = rng.random((4, 40)) < np.array([[0.1], [0.2], [0.6], [0]])
    got = hard_negatives(jnp.float32(loss), positive, ratio=ratio)
    for row, is_positive, chosen in zip(loss, positive, got, strict=True):
        order = sorted(np.flatnonzero(~is_positive), key=lambda i: (-row[i], i))
        want = order[: int(ratio * is_positive.sum())]
        assert sorted(want) == list(np.flatnonzero(chosen))


def test_centerness_by_formula():
    sides = np.array([[1, 2, 3, 4], [2, 2, 2, 2], [0, 1, 1, 1], [-1, 1, 3, 1]], float)
    want = [np.sqrt((1 / 3) * (2 / 4)), 1, 0, 0]
    np.testing.assert_allclose(centerness(jnp.float32(sides)), want, rtol=1e-6)


def test_embeddings_are_pulled_and_pushed_as_in_the_paper():
    first, second = np.random.default_rng(0).normal(0, 0.5, (2, 3, 4))
    kept = np.arange(4)[None] < np.array([[3], [1], [0]])
    given = (jnp.float32(first), jnp.float32(second), jnp.array(kept))
    pull, pushes = pull_together(*given), {m: push_apart(*given, margin=m) for m in (1.0, 0.3)}
    for i in range(3):
        pairs = list(zip(first[i][kept[i]], second[i][kept[i]], strict=True))
        means, n = [(a + b) / 2 for a, b in pairs], len(pairs)
        near = sum((a - m) ** 2 + (b - m) ** 2 for (a, b), m in zip(pairs, means, strict=True))
        np.testing.assert_allclose(pull[i], near / max(n, 1), rtol=1e-5)
        for margin, push in pushes.items():
            apart = [
                max(0, margin - abs(means[k] - means[j]))
                for k in range(n)
                for j in range(n)
                if j != k
            ]
            np.testing.assert_allclose(push[i], sum(apart) / max(n * (n - 1), 1), rtol=1e-5)
