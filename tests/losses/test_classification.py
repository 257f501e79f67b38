"""Losses of classifiers against torch's, worked examples and formulas in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.adversarial import discriminator_loss, generator_loss
from jaxdl.losses.classification import (
    binary_cross_entropy,
    multi_label_cross_entropy,
    multiclass_hinge,
    soft_cross_entropy,
    softmax_cross_entropy,
)
from jaxdl.training.step import global_mean

SCORES = jnp.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
LABELS = jnp.array([0, 1, 2])


def value_and_slope(loss, logits, *rest):
    value, vjp = jax.vjp(lambda z: loss(z, *rest), logits)
    return value, vjp(jnp.ones_like(value))[0]


def test_worked_examples():
    np.testing.assert_allclose(multiclass_hinge(SCORES, LABELS), [2.9, 0, 12.9], rtol=1e-5)
    loss = softmax_cross_entropy(jnp.array([[0.2, 0.1, -0.1]]), jnp.array([0]))
    np.testing.assert_allclose(loss, [0.972919], rtol=1e-6)
    logits = jax.scipy.special.logit(jnp.array([0.2, 0.8, 0.3, 0.7]))
    losses = binary_cross_entropy(logits, jnp.array([1, 1, 0, 0]))
    np.testing.assert_allclose(losses, [1.6094, 0.2231, 0.3567, 1.2040], atol=5e-5)
    assert losses.mean() == pytest.approx(0.8483, abs=5e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("shape", [(4,), (2, 3)])
def test_softmax_cross_entropy_is_torchs(smoothing, shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits = 5 * rng.normal(size=(*shape, 6)).astype(np.float32)
    labels = rng.integers(6, size=shape)
    t = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.cross_entropy(
        t.reshape(-1, 6),
        torch.tensor(labels).reshape(-1),
        label_smoothing=smoothing,
        reduction="none",
    )
    want.sum().backward()

    def loss(z, y):
        return softmax_cross_entropy(z, y, label_smoothing=smoothing)

    value, slope = value_and_slope(loss, logits, jnp.array(labels))
    assert value.shape == shape
    np.testing.assert_allclose(value.reshape(-1), want.detach(), atol=1e-5)
    np.testing.assert_allclose(slope, t.grad, atol=1e-5)


def test_large_logits_stay_finite():
    loss = softmax_cross_entropy(jnp.array([[1e4, -1e4], [1e4, -1e4]]), jnp.array([0, 1]))
    np.testing.assert_allclose(loss, [0, 2e4])
    value, slope = value_and_slope(
        binary_cross_entropy, jnp.array([100.0, 100.0, -100.0]), jnp.array([1, 0, 0])
    )
    np.testing.assert_allclose(value, [0, 100, 0], atol=1e-6)
    np.testing.assert_allclose(slope, [0, 1, 0], atol=1e-6)


def test_masked_classes_are_not_seen():  # minus infinity switches a class off
    logits = jnp.array([[1.0, -jnp.inf, 2.0]])
    value, slope = value_and_slope(softmax_cross_entropy, logits, jnp.array([2]))
    np.testing.assert_allclose(value, [np.log1p(np.exp(-1))], rtol=1e-6)
    assert slope[0, 1] == 0


def test_a_class_that_is_off_costs_soft_targets_nothing():
    logits = jnp.array([[1.0, 2.0, -jnp.inf]])
    targets = jnp.array([[0.25, 0.75, 0.0]])
    loss, slope = jax.value_and_grad(lambda z: soft_cross_entropy(z, targets)[0])(logits)
    kept = np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum()
    np.testing.assert_allclose(loss, -(np.log(kept) @ [0.25, 0.75]), rtol=1e-6)
    np.testing.assert_allclose(slope[0], [*(kept - [0.25, 0.75]), 0], atol=1e-6)


def test_what_is_certain_costs_nothing_where_it_is_right():
    """-log sigmoid(inf) = 0, and infinite where it is wrong; slopes are sigmoid(z) - t."""
    logits, targets = jnp.array([1, -1, 1, -1]) * jnp.inf, jnp.array([1.0, 0.0, 0.0, 1.0])
    value, slope = value_and_slope(binary_cross_entropy, logits, targets)
    assert value.tolist() == [0, 0, np.inf, np.inf]
    assert slope.tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_logits_of_half_width_keep_small_losses(dtype):
    """A loss of 4.5e-5 (float64) is below the rounding of a bfloat16 sum near 10."""
    logits, label = jnp.array([[10.0, 0.0]], dtype), jnp.array([0])
    want = np.log1p(np.exp(-10.0))
    hot = jax.nn.one_hot(label, 2)
    for loss in (
        softmax_cross_entropy(logits, label),
        soft_cross_entropy(logits, hot),
        binary_cross_entropy(logits[:, :1], hot[:, :1])[0],
        discriminator_loss(-logits[:, 1] + 10, logits[:, 1] - 30),
        generator_loss(logits[:, 0]),
    ):
        np.testing.assert_allclose(loss, want, rtol=0.02)
        assert loss.dtype == jnp.float32


def test_loss_of_equal_logits_is_log_of_the_number_of_classes():
    loss = softmax_cross_entropy(jnp.zeros((2, 10)), jnp.array([3, 9]))
    np.testing.assert_allclose(loss, np.log(10), rtol=1e-6)


def test_binary_and_multi_label_are_torchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    logits, targets = 4 * rng.normal(size=(5, 3)), rng.uniform(size=(5, 3)) > 0.5
    logits = logits.astype(np.float32)
    t = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.binary_cross_entropy_with_logits(
        t, torch.tensor(targets).float(), reduction="none"
    )
    want.sum().backward()
    value, slope = value_and_slope(binary_cross_entropy, logits, targets)
    np.testing.assert_allclose(value, want.detach(), atol=1e-6)
    np.testing.assert_allclose(slope, t.grad, atol=1e-6)
    mean = torch.nn.MultiLabelSoftMarginLoss(reduction="none")(t, torch.tensor(targets).float())
    np.testing.assert_allclose(
        multi_label_cross_entropy(jnp.array(logits), jnp.array(targets)), mean.detach(), atol=1e-6
    )


@pytest.mark.parametrize("margin", [1.0, 0.25])
def test_hinge_is_the_formula_in_loops(margin):
    rng = np.random.default_rng(2)
    scores, labels = rng.normal(size=(6, 4)), rng.integers(4, size=6)
    want = [
        sum(max(0, s[j] - s[y] + margin) for j in range(4) if j != y)
        for s, y in zip(scores, labels, strict=True)
    ]
    slopes = np.zeros((6, 4))
    for i, (s, y) in enumerate(zip(scores, labels, strict=True)):
        for j in range(4):
            if j != y and s[j] - s[y] + margin > 0:
                slopes[i, j] += 1
                slopes[i, y] -= 1

    def loss(s, y):
        return multiclass_hinge(s, y, margin=margin)

    value, slope = value_and_slope(loss, jnp.array(scores, jnp.float32), jnp.array(labels))
    np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope, slopes)


def test_strict_promotion_with_bytes_as_labels():
    labels = LABELS.astype(jnp.uint8)
    with jax.numpy_dtype_promotion("strict"):
        for loss in (softmax_cross_entropy, multiclass_hinge):
            assert loss(SCORES.astype(jnp.bfloat16), labels).dtype == jnp.float32
        wide = softmax_cross_entropy(jnp.zeros((1, 300)).at[0, 256].set(50), jnp.uint8([0]))
        assert wide[0] == 50  # 256 is not 0, although it is in eight bits
        assert softmax_cross_entropy(SCORES, labels, label_smoothing=0.1).dtype == jnp.float32
        assert multi_label_cross_entropy(SCORES, SCORES > 0).dtype == jnp.float32


@pytest.mark.parametrize("loss", [softmax_cross_entropy, multiclass_hinge])
def test_errors_name_the_argument(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: labels.*\(2,\) for \(3, 3\)"):
        loss(SCORES, jnp.array([0, 1]))
    with pytest.raises(ValueError, match=r"labels must be integers.*float32"):
        loss(SCORES, jnp.ones(3))


def test_options_are_checked():
    with pytest.raises(ValueError, match="label_smoothing must lie in"):
        softmax_cross_entropy(SCORES, LABELS, label_smoothing=1.5)
    with pytest.raises(ValueError, match="margin must be > 0"):
        multiclass_hinge(SCORES, LABELS, margin=0.0)
    with pytest.raises(ValueError, match=r"binary_cross_entropy.*\(3, 3\) and \(3,\)"):
        binary_cross_entropy(SCORES, LABELS)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_cross_entropy_is_torchs(smoothing):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits = 5 * rng.normal(size=(4, 6)).astype(np.float32)
    targets = rng.dirichlet(np.ones(6), size=4).astype(np.float32)
    t = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.cross_entropy(
        t, torch.tensor(targets), label_smoothing=smoothing, reduction="none"
    )
    want.sum().backward()

    def loss(z, q):
        return soft_cross_entropy(z, q, label_smoothing=smoothing)

    value, slope = value_and_slope(loss, logits, jnp.array(targets))
    np.testing.assert_allclose(value, want.detach(), rtol=1e-5)
    np.testing.assert_allclose(slope, t.grad, atol=1e-5)
    with pytest.raises(ValueError, match=r"logits, targets must have equal shapes"):
        soft_cross_entropy(jnp.ones((2, 3)), jnp.ones((2, 4)))


def test_torchs_ignored_labels_are_masked_by_weights():
    torch = pytest.importorskip("torch")
    labels = np.array([0, -100, 2])
    want = torch.nn.functional.cross_entropy(
        torch.tensor(np.array(SCORES)), torch.tensor(labels), ignore_index=-100
    )

    def mean(logits):
        loss = softmax_cross_entropy(logits, jnp.array(labels))
        return global_mean(loss, jnp.array(labels) != -100, axis_name=None)

    value, slope = jax.value_and_grad(mean)(SCORES)
    np.testing.assert_allclose(value, want, rtol=1e-6)
    assert not slope[1].any()
