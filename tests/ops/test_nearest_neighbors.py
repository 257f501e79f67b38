"""Nearest neighbors against scikit-learn's and SciPy's distances."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from jaxdl.ops.nearest_neighbors import (
    _search_all,
    _search_bounded,
    in_blocks,
    make_index,
    nearest,
    search,
)


def images_like(count, width=96, seed=0):
    """Rows whose variance falls off as that of images does, so that a short basis holds most."""
    rng = np.random.default_rng(seed)
    return 100 + rng.normal(size=(count, width)) * 50 / np.arange(1, width + 1)


@pytest.mark.parametrize(("metric", "theirs"), [("l2", "euclidean"), ("l1", "manhattan")])
@pytest.mark.parametrize("block", [7, 500])  # the last block is padded, or the only one
def test_nearest_is_scikit_learns(metric, theirs, block):
    points, queries = images_like(300), images_like(40, seed=1)
    found = NearestNeighbors(n_neighbors=5, metric=theirs, algorithm="brute").fit(points)
    want_distances, want = found.kneighbors(queries)
    distances, indices = nearest(queries, points, k=5, metric=metric, block=block)
    np.testing.assert_array_equal(indices, want)
    np.testing.assert_allclose(distances, want_distances, rtol=1e-4)


@pytest.mark.parametrize("head", [4, 16])
@pytest.mark.parametrize("candidates", [12, 60])  # few: most answers are not proved at first
def test_bounded_search_misses_nothing(head, candidates):
    points, queries = images_like(1000), images_like(50, seed=2)
    index = make_index(points, head=head)
    assert index.basis is not None
    distances, indices = search(index, queries, k=10, candidates=candidates)
    exact = cdist(queries, points)
    np.testing.assert_array_equal(indices, np.argsort(exact, axis=1)[:, :10])
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :10], rtol=1e-5)


def test_a_row_finds_itself_and_its_copies_in_rising_order():
    points = np.random.default_rng(3).integers(0, 256, (50, 12)).astype(np.uint8)
    points[[20, 35]] = points[7]
    distances, indices = nearest(points[[7]], points, k=4)
    np.testing.assert_array_equal(indices[0, :3], [7, 20, 35])
    np.testing.assert_array_equal(distances[0, :3], 0)


@pytest.mark.parametrize("ask", [_search_all, partial(_search_bounded, candidates=40)])
def test_no_product_is_rounded_on_an_accelerator(ask):
    index = make_index(np.zeros((200, 32), np.float32), head=8)
    traced = jax.jit(partial(ask, k=3)).trace(index, jnp.zeros((5, 32)))
    lines = traced.lower(lowering_platforms=("cuda",)).as_text().splitlines()
    products = [line for line in lines if "dot_general" in line]
    assert products
    assert all("precision = [HIGHEST, HIGHEST]" in line for line in products)


def test_blocks_see_every_row_once():
    rows = np.arange(22, dtype=np.float32).reshape(11, 2)
    (doubled,) = in_blocks(lambda x: (2 * x,), rows, 4)
    np.testing.assert_array_equal(doubled, 2 * rows)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"nearest: metric must be one of l2, l1, got 'l3'"):
        nearest(np.ones((2, 3)), np.ones((4, 3)), k=1, metric="l3")
    with pytest.raises(ValueError, match=r"search: k must lie in \[1, 4\], got 9"):
        nearest(np.ones((2, 3)), np.ones((4, 3)), k=9)
