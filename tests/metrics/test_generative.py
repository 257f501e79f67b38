"""Measures of samples against SciPy's matrix root, scikit-learn's neighbors and counting."""

import numpy as np
import pytest
from scipy import linalg

from jaxdl.metrics.generative import (
    bits_per_dimension,
    frechet_distance,
    mode_coverage,
    moments,
    precision_recall,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("rows", [200, 30])
def test_the_frechet_distance_is_that_with_scipys_root(rows):
    a = RNG.normal(size=(rows, 8)) @ RNG.normal(size=(8, 8))
    b = RNG.normal(size=(rows, 8)) @ RNG.normal(size=(8, 8)) + 1
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    root = linalg.sqrtm(cov_a @ cov_b).real
    want = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(mean_a, cov_a, mean_b, cov_b) == pytest.approx(want, rel=1e-6)
    assert frechet_distance(mean_a, cov_a, mean_a, cov_a) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_of_few_rows_is_that_of_singular_values():
    """Singular covariances A^T A and B^T B: the root's trace is the nuclear norm of A B^T."""
    a, b = RNG.normal(size=(2, 5, 8))
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    cross = np.linalg.svd((a - mean_a) @ (b - mean_b).T / 4, compute_uv=False).sum()
    want = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * cross
    assert frechet_distance(mean_a, cov_a, mean_b, cov_b) == pytest.approx(want, rel=1e-5)


def test_moments_are_numpys():
    x = RNG.normal(size=(20, 3)).astype(np.float32)
    mean, cov = moments(x)
    np.testing.assert_allclose(mean, x.astype(float).mean(0))
    gap = x.astype(float) - x.astype(float).mean(0)
    np.testing.assert_allclose(cov, gap.T @ gap / 19)
    with pytest.raises(ValueError, match="at least two rows are needed, got 1"):
        moments(x[:1])


@pytest.mark.parametrize("neighbors", [1, 3])
def test_precision_and_recall_are_those_of_scikit_learns_neighbors(neighbors):
    judge = pytest.importorskip("sklearn.neighbors")
    real = RNG.normal(size=(60, 4)).astype(np.float32)
    made = RNG.normal(size=(50, 4)).astype(np.float32) * 0.5 + 0.5

    def share(of, within):
        finder = judge.NearestNeighbors(n_neighbors=neighbors + 1).fit(within)
        radius = finder.kneighbors(within)[0][:, -1]
        gaps = np.linalg.norm(of[:, None].astype(float) - within[None], axis=-1)
        return (gaps <= radius[None]).any(1).mean()

    want = share(made, real), share(real, made)
    assert precision_recall(real, made, neighbors=neighbors) == pytest.approx(want)
    assert precision_recall(real, real, neighbors=neighbors) == (1, 1)
    with pytest.raises(ValueError, match=r"neighbors must lie in \[1, 49\], got 50"):
        precision_recall(real, made, neighbors=50)


def test_bits_of_a_fair_coin():
    assert bits_per_dimension(784 * np.log(2), 784) == pytest.approx(1)
    assert bits_per_dimension(np.log(256), 1) == pytest.approx(8)


@pytest.mark.parametrize(("least", "modes"), [(0.2, 2), (0.5, 1)])
def test_modes_are_counted_where_enough_points_lie_near(least, modes):
    centers = np.array([[0.0, 0], [4, 0], [0, 4]])
    points = np.concatenate([np.zeros((20, 2)), np.full((3, 2), [4.0, 0.5]), np.full((7, 2), 9)])
    got = mode_coverage(points, centers, radius=1, least=least)
    assert got == {"modes": modes, "near": pytest.approx(23 / 30)}
