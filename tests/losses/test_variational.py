"""Losses of latent-variable models against SciPy, float64 formulas and torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from jaxdl.losses.variational import (
    bernoulli_nll,
    codebook_losses,
    gaussian_kl,
    gaussian_kl_between,
    sample_gaussian,
    squared_error,
)

RNG = np.random.default_rng(0)
MEAN, LOG_VAR, MEAN2, LOG_VAR2 = RNG.normal(size=(4, 3, 5))


def test_gaussian_kl_is_the_integral():
    """A quadrature of p log(p / q), dimension by dimension."""
    want = np.zeros(3)
    for row, (means, log_vars) in enumerate(zip(MEAN, LOG_VAR, strict=True)):
        for mean, log_var in zip(means, log_vars, strict=True):
            p, q = stats.norm(mean, np.exp(log_var / 2)), stats.norm(0, 1)
            term = lambda x, p=p, q=q: p.pdf(x) * (p.logpdf(x) - q.logpdf(x))  # noqa: E731
            want[row] += integrate.quad(term, -30, 30, limit=300)[0]
    got = gaussian_kl(jnp.float32(MEAN), jnp.float32(LOG_VAR))
    np.testing.assert_allclose(got, want, rtol=1e-5)
    zero = jnp.zeros_like(jnp.float32(MEAN))
    between = gaussian_kl_between(jnp.float32(MEAN), jnp.float32(LOG_VAR), zero, zero)
    np.testing.assert_allclose(between, want, rtol=1e-5)


def test_gaussian_kl_between_and_both_gradients_are_torchs():
    torch = pytest.importorskip("torch")
    inputs = [torch.tensor(x, requires_grad=True) for x in (MEAN, LOG_VAR, MEAN2, LOG_VAR2)]
    a, b, c, d = inputs
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(a, (b / 2).exp()), normal(c, (d / 2).exp()))
    kl.sum().backward()
    args = [jnp.float32(x) for x in (MEAN, LOG_VAR, MEAN2, LOG_VAR2)]
    np.testing.assert_allclose(gaussian_kl_between(*args), kl.sum(1).detach(), rtol=1e-4)
    grads = jax.grad(lambda *x: gaussian_kl_between(*x).sum(), argnums=range(4))(*args)
    for got, want in zip(grads, inputs, strict=True):
        np.testing.assert_allclose(got, want.grad, rtol=1e-4, atol=1e-4)


def test_the_divergence_near_the_prior_keeps_its_digits():
    small = 1e-4
    want = 0.5 * (np.expm1(np.float64(small)) - small) * 2
    got = gaussian_kl(jnp.zeros((1, 2)), jnp.full((1, 2), small))
    np.testing.assert_allclose(got, [want], rtol=1e-2)


def test_bernoulli_nll_is_scipys_and_finite_at_large_logits():
    logits = RNG.normal(size=(3, 4, 4, 1)) * 3
    bits = RNG.integers(0, 2, size=logits.shape)
    want = -stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(bits).sum((1, 2, 3))
    got = bernoulli_nll(jnp.float32(logits), jnp.asarray(bits))
    np.testing.assert_allclose(got, want, rtol=1e-5)
    for logit in (-100.0, 100.0):
        x = jnp.full((1, 2), logit)
        value, grad = jax.value_and_grad(lambda x: bernoulli_nll(x, jnp.array([[0, 1]])).sum())(x)
        assert value == pytest.approx(100)
        assert jnp.all(jnp.isfinite(grad))


def test_the_bound_of_a_linear_gaussian_model_is_its_evidence():
    """p(z) = N(0, 1), p(x | z) = N(w z, s^2): with the true posterior the ELBO is log p(x)."""
    w, s, x = 1.3, 0.7, 0.9
    precision = 1 + w**2 / s**2
    mean, var = w * x / s**2 / precision, 1 / precision
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    z = sample_gaussian(
        jnp.full((40, 1), mean), jnp.full((40, 1), np.log(var)), jnp.float32(nodes)[:, None]
    )
    likelihood = stats.norm(w * np.asarray(z, np.float64)[:, 0], s).logpdf(x)
    kl = gaussian_kl(jnp.array([[mean]]), jnp.array([[np.log(var)]]))[0]
    bound = weights @ likelihood / weights.sum() - kl
    assert bound == pytest.approx(stats.norm(0, np.hypot(w, s)).logpdf(x), abs=1e-5)


def test_squared_error_is_a_sum():
    a, b = RNG.normal(size=(2, 3, 2, 2))
    want = [((x - y) ** 2).sum() for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(squared_error(jnp.float32(a), jnp.float32(b)), want, rtol=1e-5)


@pytest.mark.parametrize("commitment", [0.25, 1.0])
def test_each_codebook_loss_moves_its_own_side(commitment):
    z, e = RNG.normal(size=(2, 3, 4, 2)).astype(np.float32)
    want = ((z - e) ** 2).mean((1, 2))
    codes, commit = codebook_losses(z, e, commitment=commitment)
    np.testing.assert_allclose(codes, want, rtol=1e-5)
    np.testing.assert_allclose(commit, commitment * want, rtol=1e-5)

    def total(z, e):
        codes, commit = codebook_losses(z, e, commitment=commitment)
        return (codes + commit).sum()

    grad_z, grad_e = jax.grad(total, (0, 1))(jnp.asarray(z), jnp.asarray(e))
    np.testing.assert_allclose(grad_z, commitment * 2 * (z - e) / 8, rtol=1e-5)
    np.testing.assert_allclose(grad_e, 2 * (e - z) / 8, rtol=1e-5)


def test_arguments_are_named():
    with pytest.raises(ValueError, match=r"mean, log_var.*\(2, 3\).*\(2, 4\)"):
        gaussian_kl(jnp.ones((2, 3)), jnp.ones((2, 4)))
    with pytest.raises(ValueError, match="commitment must be > 0, got 0"):
        codebook_losses(jnp.ones((1, 2)), jnp.ones((1, 2)), commitment=0)
