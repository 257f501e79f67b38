"""Least squares on random features: the simplest model whose width goes past its rows.

Belkin et al. 2019, "Reconciling modern machine-learning practice and the bias-variance trade-off",
arXiv 1812.11118: the test error peaks where the features are as many as the rows.
"""

import numpy as np

from jaxdl.checks import check_at_least, check_rank
from jaxdl.typing import Host


def random_relu_features(x: Host, width: int, *, seed: int = 0) -> Host:
    """max(x W, 0) of `x` `(N, D)`, W normal of variance 1 / D: `(N, width)` float64.

    The features of a smaller width are the first of a larger one's.
    """
    check_rank("random_relu_features", x, 2)
    check_at_least("random_relu_features: width", width, 1)
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(width, x.shape[1])).T / np.sqrt(x.shape[1])
    return np.maximum(x.astype(np.float64) @ weights, 0)


def least_norm_fit(features: Host, targets: Host) -> Host:
    """The weights `(W, K)` of least squares that are themselves smallest: pinv(features) targets.

    `features` `(N, W)`, `targets` `(N, K)`. With more features than rows they pass through all of
    them; that system, of N unknowns, is solved in its place.
    """
    rows, width = features.shape
    if width <= rows:
        return np.linalg.lstsq(features, targets, rcond=None)[0]
    return features.T @ np.linalg.lstsq(features @ features.T, targets, rcond=None)[0]
