"""DBSCAN gives scikit-learn's clusters."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import cluster, datasets

from jaxdl.classic.clustering.dbscan import DBSCAN, dbscan


@pytest.mark.parametrize("radius", [0.1, 0.2])
@pytest.mark.parametrize("min_points", [3, 6])
@pytest.mark.parametrize("block", [64, 512])  # several tiles, or one
def test_dbscan_is_scikit_learns(radius, min_points, block):
    x, _ = datasets.make_moons(500, noise=0.08, random_state=1)
    x = x.astype(np.float32)
    want = cluster.DBSCAN(eps=radius, min_samples=min_points).fit(x).labels_
    got = dbscan(jnp.asarray(x), radius=radius, min_points=min_points, block=block)
    np.testing.assert_array_equal(got, want)


def test_dbscan_of_long_rows_and_long_chains():
    rng = np.random.default_rng(0)
    wide = np.concatenate([rng.normal(c, 0.3, (40, 30)) for c in (0, 2, 5)]).astype(np.float32)
    want = cluster.DBSCAN(eps=3, min_samples=4).fit(wide).labels_
    np.testing.assert_array_equal(dbscan(jnp.asarray(wide), radius=3.0, min_points=4), want)
    chain = rng.permutation(np.arange(400.0))[:, None].astype(np.float32)
    chain[chain > 200] += 5  # two chains, each as long as a cluster can be
    got = np.asarray(dbscan(jnp.asarray(chain), radius=1.5, min_points=2, block=32))
    want = cluster.DBSCAN(eps=1.5, min_samples=2).fit(chain).labels_
    np.testing.assert_array_equal(got, want)


def test_dbscan_estimator_and_its_error():
    model = DBSCAN(radius=1.5, min_points=2)
    np.testing.assert_array_equal(model.fit_predict([[0.0], [1.0], [9.0]]), [0, 0, -1])
    with pytest.raises(ValueError, match=r"DBSCAN: radius must be > 0, got 0"):
        DBSCAN(radius=0).fit([[0.0]])
