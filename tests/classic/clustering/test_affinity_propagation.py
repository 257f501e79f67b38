"""Affinity propagation gives scikit-learn's clusters, and says when it has not converged."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import cluster, datasets

from jaxdl.classic.clustering.affinity_propagation import (
    AffinityPropagation,
    affinity_propagation,
    similarities,
)


@pytest.fixture(scope="module")
def blobs():
    x, y = datasets.make_blobs(600, 5, centers=6, random_state=3)  # pyright: ignore
    return x.astype(np.float32), y


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


@pytest.mark.filterwarnings(
    "ignore:All samples have mutually", "ignore:Affinity propagation did not"
)
@pytest.mark.parametrize(
    "x",
    [
        [[0, 0], [0, 1], [5, 5], [5, 6]],
        [[0], [1], [2], [3]],
        [[0, 0], [0, 0], [3, 3], [3, 3]],
        [[1, 1], [1, 1], [1, 1]],
        [[0], [2]],
        [[0, 0], [0, 2], [2, 0], [2, 2]],
        [[1, 2]],
    ],
)
def test_ties_become_clusters_as_scikit_learns_do(x):
    x = np.float32(x)
    counts = {
        len(set(cluster.AffinityPropagation(random_state=seed).fit(x).labels_))
        for seed in range(20)  # of the noise that breaks ties
    }
    ours = AffinityPropagation().fit(x)
    assert ours.converged_
    assert len(ours.exemplars_) in counts
    assert set(ours.labels_) == set(range(len(ours.exemplars_)))


@pytest.mark.parametrize("damping", [0.4, 1.0])
def test_a_damping_that_never_settles_is_refused(damping):
    with pytest.raises(ValueError, match=r"damping must lie in \[0.5, 1\), got"):
        AffinityPropagation(damping=damping).fit(np.zeros((3, 1)))


def test_affinity_propagation_stops_when_nothing_changes_and_says_when_it_does_not(blobs):
    similarity = similarities(jnp.asarray(blobs[0][:60]))
    quick, slow = (affinity_propagation(similarity, patience=p) for p in (5, 30))
    assert bool(quick.converged)
    assert bool(slow.converged)
    assert int(slow.steps) >= int(quick.steps) + 20
    short = affinity_propagation(similarity, max_steps=3)
    assert not bool(short.converged)
    assert int(short.steps) == 3
