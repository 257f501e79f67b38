"""Initial weights against the spread of their formulas, and SciPy's truncated normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl.layers.initializers import initializer

WIDE = (300, 500)
FILTERS = (3, 3, 40, 100)  # n_in 360, n_out 900


@pytest.mark.parametrize(
    ("name", "shape", "std"),
    [
        ("zeros", WIDE, 0),
        ("normal", WIDE, 0.01),
        ("lecun", WIDE, 1 / np.sqrt(300)),
        ("lecun", FILTERS, 1 / np.sqrt(360)),
        ("lecun_uniform", WIDE, 1 / np.sqrt(300)),
        ("kaiming_uniform", FILTERS, np.sqrt(2 / 360)),
        ("xavier", WIDE, np.sqrt(2 / 800)),
        ("xavier_uniform", WIDE, np.sqrt(2 / 800)),
        ("kaiming", WIDE, np.sqrt(2 / 300)),
        ("kaiming", FILTERS, np.sqrt(2 / 360)),
    ],
)
def test_spread(name, shape, std):
    weights = np.asarray(initializer(name)(jax.random.key(0), shape, jnp.float32))
    np.testing.assert_allclose(weights.std(), std, rtol=0.02)
    if "uniform" in name:  # +- sqrt(3) deviations, and no further
        assert np.abs(weights).max() <= np.sqrt(3) * std


@pytest.mark.parametrize("name", ["lecun", "xavier", "kaiming"])
def test_normals_are_cut_off_at_two_deviations_as_scipys(name):
    weights = np.asarray(initializer(name)(jax.random.key(0), (400, 400), jnp.float32)).ravel()
    std = np.sqrt({"lecun": 1, "xavier": 1, "kaiming": 2}[name] / 400)
    cut = scipy.stats.truncnorm(-2, 2)
    assert scipy.stats.kstest(weights / std, lambda z: cut.cdf(z * cut.std())).pvalue > 0.01
    assert np.abs(weights).max() <= 2 / cut.std() * std < 2.28 * std
    assert scipy.stats.kstest(weights / std, "norm").pvalue < 1e-6


def test_unknown_name():
    with pytest.raises(ValueError, match="initializer: there is no 'kaming'; did you mean kaiming"):
        initializer("kaming")
