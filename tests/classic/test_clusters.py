"""k-means, DBSCAN and affinity propagation give scikit-learn's clusters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import cluster, datasets
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from jaxdl.classic.clustering.affinity_propagation import (
    AffinityPropagation,
    affinity_propagation,
    similarities,
)
from jaxdl.classic.clustering.dbscan import DBSCAN, dbscan
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


@pytest.mark.parametrize(
    ("damping", "preference"), [(0.5, None), (0.8, None), (0.5, -300.0), (0.9, -20.0)]
)
def test_affinity_propagation_is_scikit_learns(blobs, damping, preference):
    x = blobs[0][:150]
    theirs = cluster.AffinityPropagation(
        damping=damping, preference=preference, random_state=0, max_iter=400
    ).fit(x)
    ours = AffinityPropagation(damping=damping, preference=preference, max_steps=400).fit(x)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_array_equal(ours.exemplars_, theirs.cluster_centers_indices_)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))


def test_affinity_propagation_stops_when_nothing_changes_and_says_when_it_does_not(blobs):
    similarity = similarities(jnp.asarray(blobs[0][:60]))
    quick, slow = (affinity_propagation(similarity, patience=p) for p in (5, 30))
    assert bool(quick.converged)
    assert bool(slow.converged)
    assert int(slow.steps) >= int(quick.steps) + 20
    short = affinity_propagation(similarity, max_steps=3)
    assert not bool(short.converged)
    assert int(short.steps) == 3
