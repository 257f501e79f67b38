"""Nearest points against SciPy's k-d tree, nearest triangles against trimesh, over all pairs."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.ops.nearest_in_space import morton, nearest_point, nearest_triangle


@pytest.mark.parametrize(("n", "m"), [(1000, 3000), (1, 700), (130, 1), (64, 128)])
def test_nearest_points_are_those_of_a_tree(n, m):
    rng = np.random.default_rng(n)
    points = rng.normal(size=(m, 3)) * [1, 0.1, 3]
    queries = rng.normal(size=(n, 3)) * 2 + 1
    squared, number = map(np.asarray, nearest_point(queries, points))
    np.testing.assert_allclose(np.sqrt(squared), cKDTree(points).query(queries)[0], atol=1e-6)
    np.testing.assert_allclose(((queries - points[number]) ** 2).sum(axis=1), squared, rtol=1e-5)


def test_clustered_repeated_and_far_points():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(500, 3)) * 1e-3, np.ones((300, 3)), [[50, 0, 0]]])
    queries = np.concatenate([points, rng.uniform(-60, 60, (500, 3))])
    got = np.sqrt(np.asarray(nearest_point(queries, points)[0]))
    np.testing.assert_allclose(got, cKDTree(points).query(queries)[0], atol=2e-5)


def test_nearest_triangles_are_those_of_trimesh():
    trimesh = pytest.importorskip("trimesh")
    rng = np.random.default_rng(1)
    triangles = rng.normal(size=(300, 1, 3)) + 0.3 * rng.normal(size=(300, 3, 3))
    triangles[7] = triangles[7, [0, 0, 1]]  # an edge without area
    queries = rng.normal(size=(200, 3)) * 1.5
    squared, number = map(np.asarray, nearest_triangle(queries, triangles))

    def away(query, some):
        near = trimesh.triangles.closest_point(some, np.broadcast_to(query, (len(some), 3)))
        return np.linalg.norm(near - query, axis=1)

    whole = np.delete(triangles, 7, axis=0)  # trimesh's formula divides by the area
    want = np.array([away(query, whole).min() for query in queries])
    got = np.sqrt(squared)
    at_edge = number == 7
    np.testing.assert_allclose(got[~at_edge], want[~at_edge], atol=1e-5)
    assert (got[at_edge] <= want[at_edge]).all()
    named = [away(q, triangles[[i]])[0] for q, i in zip(queries, number, strict=True) if i != 7]
    np.testing.assert_allclose(named, got[~at_edge], atol=1e-5)


def test_morton_numbers_interleave_the_bits():
    cells = np.array([[0, 0, 0], [1023, 1023, 1023], [1, 2, 4], [512, 3, 700]])
    want = [
        int("".join(a + b + c for a, b, c in zip(*(f"{v:010b}" for v in cell), strict=True)), 2)
        for cell in cells
    ]
    np.testing.assert_array_equal(morton(cells.astype(np.float32)), want)


def test_what_cannot_be_searched_is_named():
    with pytest.raises(ValueError, match=r"\(N, 3\) and \(M, c, 3\), got \(4, 2\)"):
        nearest_point(np.zeros((4, 2)), np.zeros((5, 3)))
    with pytest.raises(ValueError, match="nothing to search"):
        nearest_point(np.zeros((4, 3)), np.zeros((0, 3)))
    assert nearest_point(np.zeros((0, 3)), np.zeros((5, 3)))[0].shape == (0,)
