"""Least-norm least squares against NumPy's pseudoinverse; features by hand."""

import numpy as np
import pytest

from jaxdl.classic.random_features import least_norm_fit, random_relu_features


@pytest.mark.parametrize("width", [4, 9, 30])
def test_the_fit_is_that_of_the_pseudoinverse(width):
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(9, width)), rng.normal(size=(9, 2))
    want = np.linalg.pinv(features) @ targets
    np.testing.assert_allclose(least_norm_fit(features, targets), want, atol=1e-9)
    if width >= 9:
        np.testing.assert_allclose(features @ want, targets, atol=1e-9)


def test_features_are_rectified_sums_and_the_narrow_are_among_the_wide():
    x = np.random.default_rng(0).normal(size=(5, 400))
    wide, narrow = random_relu_features(x, 300, seed=1), random_relu_features(x, 20, seed=1)
    np.testing.assert_allclose(wide[:, :20], narrow, atol=1e-12)
    assert wide.min() == 0
    # Half of a symmetric sum's square is above zero: |x|^2 / D / 2 on average.
    want = (x**2).mean(axis=1) / 2
    np.testing.assert_allclose((wide**2).mean(axis=1), want, rtol=0.3)
    assert (random_relu_features(x, 20, seed=2) != narrow).any()
