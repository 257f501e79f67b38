"""Score matching where the answer is known: Gaussians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.score_matching import (
    denoising_score_matching,
    implicit_score_matching,
    sliced_score_matching,
)

X = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)


def field(x):
    """A field whose derivative is known: (x y, sin x)."""
    return jnp.stack([x[:, 0] * x[:, 1], jnp.sin(x[:, 0])], axis=1)


def test_the_implicit_loss_is_trace_and_half_square():
    want = X[:, 1] + 0.5 * ((X[:, 0] * X[:, 1]) ** 2 + np.sin(X[:, 0]) ** 2)
    np.testing.assert_allclose(implicit_score_matching(field, jnp.asarray(X)), want, rtol=1e-5)


def test_the_sliced_loss_is_the_implicit_one_on_average():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)  # all Rademacher vectors
    each = [sliced_score_matching(field, jnp.asarray(X), jnp.tile(v, (5, 1))) for v in signs]
    want = implicit_score_matching(field, jnp.asarray(X))
    np.testing.assert_allclose(np.mean(each, axis=0), want, rtol=1e-5)


def test_the_best_linear_score_of_a_gaussian_is_minus_the_precision():
    x = jnp.float32(np.random.default_rng(1).normal(size=(4000, 2)) * [1, 2])
    loss = lambda w: implicit_score_matching(lambda x: x @ w, x).mean()  # noqa: E731
    slope, w = jax.jit(jax.grad(loss)), jnp.zeros((2, 2))
    for _ in range(200):
        w = w - 0.2 * slope(w)
    np.testing.assert_allclose(w, -np.linalg.inv(np.asarray(x.T @ x) / 4000), atol=1e-3)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_the_denoising_loss_is_smallest_at_the_blurred_score(sigma):
    noise = np.random.default_rng(2).normal(size=(3, 2)).astype(np.float32)
    score = np.random.default_rng(3).normal(size=(3, 2)).astype(np.float32)
    want = 0.5 * ((sigma * score + noise) ** 2).sum(1)
    got = denoising_score_matching(score, noise, sigma=sigma)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    zero = denoising_score_matching(-noise / sigma, noise, sigma=sigma)
    np.testing.assert_allclose(zero, 0, atol=1e-10)
