"""Discretized logistics against SciPy's distribution functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxdl.losses.logistic_mixture import discretized_logistic_nll, draw_logistic


@pytest.mark.parametrize("levels", [4, 256])
def test_the_density_is_scipys_and_adds_up_to_one(levels):
    params = np.random.default_rng(0).normal(size=(3, 6))
    params[:, 4:] -= 1.5
    values = np.arange(levels)
    edges = (values * 2 - 1) / (levels - 1) - 1
    weights = special.softmax(params[:, :2], axis=1)
    cdf = stats.logistic(params[:, 2:4, None], np.exp(params[:, 4:, None])).cdf(edges)
    cdf[..., 0] = 0
    mass = np.diff(np.concatenate([cdf, np.ones((3, 2, 1))], axis=2), axis=2)
    want = (weights[..., None] * mass).sum(1)
    args = jnp.float32(np.repeat(params[:, None], levels, 1)), jnp.tile(values, (3, 1))
    got = np.exp(-np.asarray(discretized_logistic_nll(*args, levels=levels), np.float64))
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-4)


def test_extreme_parameters_give_finite_losses_and_gradients():
    params = jnp.array([[0.0, 0, 100, -100, -100, 100], [100.0, -100, 0, 0, -7, -7]])
    for value in (0, 1, 128, 255):
        loss = lambda p, v=value: discretized_logistic_nll(p, jnp.full(2, v)).sum()  # noqa: E731
        value, grad = jax.value_and_grad(loss)(params)
        assert np.isfinite(value)
        assert np.all(np.isfinite(grad))


def test_draws_follow_the_density():
    params = jnp.float32([0.5, -0.5, -0.6, 0.4, -2.0, -1.0])
    draws = draw_logistic(jax.random.key(0), jnp.tile(params, (20_000, 1)), levels=8)
    counts = np.bincount(draws, minlength=8)
    nll = discretized_logistic_nll(jnp.tile(params, (8, 1)), jnp.arange(8), levels=8)
    share = np.exp(-np.asarray(nll, np.float64))
    assert stats.chisquare(counts, 20_000 * share / share.sum()).pvalue > 1e-3


def test_a_mixture_has_three_numbers_a_part():
    with pytest.raises(ValueError, match=r"three numbers a part, got shape \(2, 4\)"):
        discretized_logistic_nll(jnp.ones((2, 4)), jnp.ones(2, jnp.int32))
