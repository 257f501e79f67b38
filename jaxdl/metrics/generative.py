"""How good a generative model is: bits, Fréchet distance, precision and recall, modes. Float64."""

import math

import numpy as np

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.ops.distance import smallest, squared_euclidean
from jaxdl.typing import ArrayLike, Host, Numbers


def bits_per_dimension(nats: float, dimensions: int) -> float:
    """-log p(x) of an example, in nats, as bits per dimension: nats / (dimensions log 2)."""
    check_positive("bits_per_dimension: dimensions", dimensions)
    return nats / (dimensions * math.log(2))


def moments(features: ArrayLike) -> tuple[Host, Host]:
    """Mean `(D,)` and unbiased covariance `(D, D)` of rows `(N, D)`."""
    features = np.asarray(features, np.float64)
    check_rank("moments: features", features, 2)
    if len(features) < 2:
        raise ValueError(f"moments: at least two rows are needed, got {len(features)}")
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(mean_a: Host, cov_a: Host, mean_b: Host, cov_b: Host) -> float:
    """||m_a - m_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al. 2017, arXiv 1706.08500).

    The squared 2-Wasserstein distance of two normals. The trace of the root is the sum of the
    roots of the eigenvalues of the symmetric C_a^(1/2) C_b C_a^(1/2), which are those of C_a C_b
    and stay real where a covariance is singular.
    """
    check_same_shape("frechet_distance: means", mean_a, mean_b)
    check_same_shape("frechet_distance: covariances", cov_a, cov_b)
    values, vectors = np.linalg.eigh(np.asarray(cov_a, np.float64))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ cov_b @ root)
    cross = np.sqrt(np.maximum(inner, 0)).sum()
    gap = np.asarray(mean_a, np.float64) - mean_b
    return float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def precision_recall(
    real: ArrayLike, made: ArrayLike, *, neighbors: int = 3
) -> tuple[float, float]:
    """Shares of made rows near real ones, of real rows near made ones (1904.06991, eq. 1 and 2).

    A row is near a set where it lies within the distance from a row of the set to that row's
    `neighbors`-th nearest other row. Args: `(N, D)`, `(M, D)`.
    """
    radii = [_radius(x, neighbors) for x in (real, made)]
    squares = np.asarray(squared_euclidean(np.asarray(made), np.asarray(real)))  # (M, N)
    precision = (squares <= radii[0][None]).any(axis=1).mean()
    recall = (squares <= radii[1][:, None]).any(axis=0).mean()
    return float(precision), float(recall)


def _radius(rows: ArrayLike, neighbors: int) -> Host:
    rows = np.asarray(rows)
    check_rank("precision_recall: rows", rows, 2)
    if not 1 <= neighbors < len(rows):
        raise ValueError(
            f"precision_recall: neighbors must lie in [1, {len(rows) - 1}], got {neighbors}"
        )
    return np.asarray(smallest(squared_euclidean(rows, rows), neighbors + 1)[0])[:, -1]  # itself: 0


def mode_coverage(points: ArrayLike, centers: ArrayLike, *, radius: float, least: float) -> Numbers:
    """Which of the modes points fall on: `(N, D)`, `(K, D)`.

    `modes`: centers that at least the share `least` of an equal share, 1 / K, of all points lies
    within `radius` of; `near`: the share of points within `radius` of any.
    """
    points, centers = np.asarray(points, np.float64), np.asarray(centers, np.float64)
    check_positive("mode_coverage: radius", radius)
    gap = np.linalg.norm(points[:, None] - centers[None], axis=-1)
    near = gap.min(axis=1) <= radius
    counts = np.bincount(gap.argmin(axis=1)[near], minlength=len(centers))
    covered = counts >= max(1.0, least * len(points) / len(centers))
    return {"modes": float(covered.sum()), "near": float(near.mean())}
