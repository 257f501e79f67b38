"""Adversarial losses against torch and the notes' theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty

REAL, FAKE = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32) * 3


def torch_losses(torch, kind, real, fake):
    bce = torch.nn.BCEWithLogitsLoss(reduction="none")
    one, zero = torch.ones(6), torch.zeros(6)
    return {
        "gan": (bce(real, one) + bce(fake, zero), bce(fake, one)),
        "minimax": (bce(real, one) + bce(fake, zero), -bce(fake, zero)),
        "lsgan": (0.5 * (real - 1) ** 2 + 0.5 * fake**2, 0.5 * (fake - 1) ** 2),
        "wgan": (fake - real, -fake),
    }[kind]


@pytest.mark.parametrize("kind", ["gan", "minimax", "lsgan", "wgan"])
def test_losses_and_gradients_are_torchs(kind):
    torch = pytest.importorskip("torch")
    real, fake = (torch.tensor(x, requires_grad=True) for x in (REAL, FAKE))
    want = torch_losses(torch, kind, real, fake)
    got = discriminator_loss(REAL, FAKE, kind=kind), generator_loss(FAKE, kind=kind)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b.detach(), rtol=1e-5, atol=1e-6)
    want_d = torch.autograd.grad(want[0].sum(), (real, fake), retain_graph=True)
    (want_g,) = torch.autograd.grad(want[1].sum(), fake)
    grad_d = jax.grad(lambda r, f: discriminator_loss(r, f, kind=kind).sum(), (0, 1))(REAL, FAKE)
    grad_g = jax.grad(lambda f: generator_loss(f, kind=kind).sum())(FAKE)
    for a, b in zip((*grad_d, grad_g), (*want_d, want_g), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["gan", "minimax", "lsgan", "wgan"])
@pytest.mark.parametrize("score", [-100.0, 100.0])
def test_large_scores_give_finite_losses_and_gradients(kind, score):
    x = jnp.full(2, score)
    loss = lambda r, f: (discriminator_loss(r, f, kind=kind) + generator_loss(f, kind=kind)).sum()  # noqa: E731
    value, grads = jax.value_and_grad(loss, (0, 1))(x, -x)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(g)) for g in grads)


def test_the_best_discriminator_has_the_jensen_shannon_value():
    """D* = p / (p + q): the value of the game is 2 JS - log 4, and -log 4 where q = p."""
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(5), size=2)

    def value(q):
        score = jnp.log(jnp.float32(p)) - jnp.log(jnp.float32(q))  # the logit of D*
        at_real = discriminator_loss(score, jnp.full(5, -100.0))
        at_fake = discriminator_loss(jnp.full(5, 100.0), score)
        return -(p @ np.asarray(at_real, np.float64) + q @ np.asarray(at_fake, np.float64))

    middle = (p + q) / 2
    js = 0.5 * (p @ np.log(p / middle) + q @ np.log(q / middle))
    assert value(q) == pytest.approx(2 * js - np.log(4), abs=1e-5)
    assert value(p) == pytest.approx(-1.3863, abs=1e-4)


def test_least_squares_minimize_a_pearson_chi_square():
    """LSGAN with targets -1, 1 and 0: twice the value at D* is chi^2(p + q, 2 q) (1611.04076)."""
    rng = np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(5), size=2)
    best = (p - q) / (p + q)  # the optimum for targets b = 1, a = -1; the generator's is 0
    value = p @ best**2 + q @ best**2
    assert value == pytest.approx((((p + q) - 2 * q) ** 2 / (p + q)).sum())
    # Ours has targets 0 and 1: the same optimum, moved and halved.
    d = np.float32((best + 1) / 2)
    total = lambda d: p @ np.asarray(0.5 * (d - 1) ** 2) + q @ np.asarray(0.5 * d**2)  # noqa: E731
    ours = discriminator_loss(d, np.zeros(5, np.float32), kind="lsgan")
    fake = discriminator_loss(np.ones(5, np.float32), d, kind="lsgan")
    found = p @ np.asarray(ours) + q @ np.asarray(fake)
    assert found == pytest.approx(total(d), abs=1e-6)
    assert all(total(d + e) > found for e in (-0.01, 0.01))


def test_the_slope_penalty_is_zero_at_slope_one():
    slopes = jnp.array([[[3.0, 4.0]], [[0.6, 0.8]], [[0.0, 0.0]]])
    np.testing.assert_allclose(gradient_penalty(slopes), [16, 0, 1], atol=1e-5)
    assert np.all(np.isfinite(jax.grad(lambda s: gradient_penalty(s).sum())(slopes)))


def test_kinds_and_shapes_are_checked():
    with pytest.raises(ValueError, match="kind must be one of gan, minimax, lsgan, wgan"):
        generator_loss(jnp.ones(2), kind="wasserstein")
    with pytest.raises(ValueError, match=r"scores must have 1 axes, got shape \(2, 1\)"):
        discriminator_loss(jnp.ones((2, 1)), jnp.ones((2, 1)))
