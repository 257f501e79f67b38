"""Shape scores against loops, SciPy's trees and trimesh."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.metrics.shapes import (
    chamfer_distance,
    earth_mover,
    f1_score,
    nearest_pairs,
    normal_consistency,
    point_to_surface,
    voxel_iou,
)
from tests.vision3d.solid_meshes import TORUS, turned

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(400, 3)), RNG.normal(size=(300, 3)) + 0.2


def test_voxel_iou_is_counted_cell_by_cell():
    a, b = RNG.random((3, 4, 4, 4)) < 0.5, RNG.random((3, 4, 4, 4)) < 0.5
    for i, got in enumerate(voxel_iou(a, b)):
        cells = [(bool(a[i][c]), bool(b[i][c])) for c in np.ndindex(4, 4, 4)]
        assert got == sum(x and y for x, y in cells) / sum(x or y for x, y in cells)
    none = np.zeros((1, 2, 2, 2), bool)
    assert voxel_iou(none, none) == 1
    assert voxel_iou(none, ~none) == 0
    with pytest.raises(ValueError, match="a, b"):
        voxel_iou(a, b[:1])


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_scores_of_points_are_those_of_trees(threshold):
    pairs = nearest_pairs(A, B)
    there, back = cKDTree(B).query(A)[0], cKDTree(A).query(B)[0]
    np.testing.assert_allclose(pairs.there, there, atol=1e-6)
    np.testing.assert_allclose(chamfer_distance(pairs), (there**2).mean() + (back**2).mean())
    precision, recall = (there <= threshold).mean(), (back <= threshold).mean()
    want = 2 / (1 / precision + 1 / recall)
    np.testing.assert_allclose(f1_score(pairs, threshold), want)
    assert f1_score(nearest_pairs(A, A), threshold) == 1
    assert f1_score(nearest_pairs(A, A + 100), threshold) == 0


def test_a_far_point_costs_f1_its_share_and_chamfer_its_square():
    far = A.copy()
    far[0] += 100
    near, moved = nearest_pairs(A, A), nearest_pairs(far, A)
    assert f1_score(near, 0.01) - f1_score(moved, 0.01) == pytest.approx(1 / 400, rel=0.01)
    assert chamfer_distance(moved) > 40
    assert earth_mover(far, A) == pytest.approx(100 * 3**0.5 / len(A))  # its way alone


def test_normal_consistency_is_a_mean_of_cosines():
    normals = [RNG.normal(size=x.shape) for x in (A, B)]
    normals = [n / np.linalg.norm(n, axis=1, keepdims=True) for n in normals]
    there, back = cKDTree(B).query(A)[1], cKDTree(A).query(B)[1]
    cosines = [abs(normals[0][i] @ normals[1][j]) for i, j in enumerate(there)]
    others = [abs(normals[1][j] @ normals[0][i]) for j, i in enumerate(back)]
    want = (np.mean(cosines) + np.mean(others)) / 2
    np.testing.assert_allclose(normal_consistency(nearest_pairs(A, B), *normals), want, rtol=1e-6)
    assert normal_consistency(nearest_pairs(A, A), normals[0], -normals[0]) == pytest.approx(1)


def test_the_distance_to_a_surface_is_that_of_trimesh():
    trimesh = pytest.importorskip("trimesh")
    mesh = turned(TORUS)
    triangles = mesh.vertices[mesh.faces]
    got = point_to_surface(A[:100], mesh.vertices, mesh.faces)
    for point, distance in zip(A[:100], got, strict=True):
        near = trimesh.triangles.closest_point(triangles, np.tile(point, (len(triangles), 1)))
        want = np.linalg.norm(near - point, axis=1).min()
        np.testing.assert_allclose(distance, want, atol=1e-6)
