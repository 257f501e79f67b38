"""k-means gives scikit-learn's clusters; its seeding, by what it must spread over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import cluster, datasets
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from jaxdl.classic.clustering.kmeans import KMeans, fill_empty, kmeans_plus_plus_init, lloyd


@pytest.fixture(scope="module")
def blobs():
    x, y = datasets.make_blobs(600, 5, centers=6, random_state=3)  # pyright: ignore
    return x.astype(np.float32), y


@pytest.mark.parametrize("tolerance", [0.0, 1e-2])
def test_lloyd_is_scikit_learns(blobs, tolerance):
    x, _ = blobs
    theirs = cluster.KMeans(6, init=x[:6], n_init=1, tol=tolerance).fit(x)
    ours = lloyd(jnp.asarray(x), jnp.asarray(x[:6]), tolerance=tolerance)
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, rtol=1e-4)
    np.testing.assert_allclose(ours.inertia, theirs.inertia_, rtol=1e-5)
    assert int(ours.steps) == theirs.n_iter_


def test_empty_clusters_take_the_farthest_rows_as_in_scikit_learn(blobs):
    x, _ = blobs
    start = np.concatenate([x[:4], 1000 + x[:2]])  # nobody is nearest to the last two
    theirs = cluster.KMeans(6, init=start, n_init=1, tol=0).fit(x)
    ours = lloyd(jnp.asarray(x), jnp.asarray(start), tolerance=0.0)
    assert adjusted_rand_score(theirs.labels_, np.asarray(ours.labels)) == 1
    np.testing.assert_allclose(ours.inertia, theirs.inertia_, rtol=1e-5)


def test_fill_empty_by_hand():
    labels, distances = jnp.array([0, 0, 2, 2, 2]), jnp.array([1.0, 9.0, 2.0, 7.0, 3.0])
    np.testing.assert_array_equal(fill_empty(labels, distances, 4), [0, 1, 2, 3, 2])


def test_plus_plus_spreads_its_centers(blobs):
    x, y = blobs
    own = [set(), set()]
    for seed in range(5):
        centers = kmeans_plus_plus_init(jax.random.key(seed), jnp.asarray(x), 6)
        rows = [int(np.flatnonzero((x == c).all(axis=1))[0]) for c in np.asarray(centers)]
        own[0].add(len(set(y[rows])))
        own[1].add(len(set(y[np.random.default_rng(seed).integers(0, 600, 6)])))
    assert min(own[0]) >= 5 > min(own[1])  # rows at random leave blobs out


def test_plus_plus_never_takes_a_row_twice():
    x = jnp.asarray(np.repeat(np.eye(4), [5, 1, 1, 1], axis=0), jnp.float32)
    centers = kmeans_plus_plus_init(jax.random.key(1), x, 4)
    assert len(np.unique(centers, axis=0)) == 4


def test_kmeans_estimator(blobs):
    x, _ = blobs
    model = clone(KMeans(k=6, restarts=5, seed=1)).fit(x)
    theirs = cluster.KMeans(6, n_init=5, random_state=0).fit(x)
    np.testing.assert_allclose(model.inertia_, theirs.inertia_, rtol=1e-4)
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    np.testing.assert_allclose(model.score(x), -model.inertia_, rtol=1e-4)
    assert KMeans(k=6, restarts=1, max_steps=1).fit(x).inertia_ > model.inertia_
