"""Sums of ReLU bumps: NumPy's straight pieces, hats in loops, and the bound h^2 / 8 max |f''|."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.classic.relu_bumps import sum_of_bumps
from jaxdl.classic.two_layer import two_layer_scores


def at(net, x):
    return np.asarray(two_layer_scores(net, jnp.float32(x)[:, None]))[:, 0]


def test_the_network_is_numpys_straight_pieces_and_falls_to_zero_outside():
    knots, values = np.linspace(-1, 2, 7), np.random.default_rng(0).normal(size=7)
    x = np.linspace(-3, 4, 301)  # one step beyond the ends it has reached 0
    around = np.concatenate([[-1.5], knots, [2.5]])
    want = np.interp(x, around, np.concatenate([[0], values, [0]]), left=0, right=0)
    got = at(sum_of_bumps(jnp.float32(knots), jnp.float32(values)), x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_bump_is_a_hat_of_three_relus():
    knots = np.linspace(0, 1, 5)
    x = np.linspace(-0.5, 1.5, 81)
    want = [max(0.0, 1 - abs(v - 0.5) / 0.25) for v in x]
    got = at(sum_of_bumps(jnp.float32(knots), jnp.float32([0, 0, 1, 0, 0])), x)
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("count", [9, 33])
def test_the_error_is_within_the_bound_of_straight_pieces(count):
    knots, x = np.linspace(0, 1, count), np.linspace(0, 1, 1001)
    f = lambda v: np.sin(2 * np.pi * v)  # noqa: E731
    error = np.abs(at(sum_of_bumps(jnp.float32(knots), jnp.float32(f(knots))), x) - f(x)).max()
    bound = (1 / (count - 1)) ** 2 / 8 * (2 * np.pi) ** 2
    assert 0.8 * bound < error <= bound + 1e-6


def test_sum_of_bumps_names_what_it_refuses():
    with pytest.raises(ValueError, match=r"sum_of_bumps: knots and values.*\(3,\) and \(2,\)"):
        sum_of_bumps(jnp.arange(3.0), jnp.ones(2))
