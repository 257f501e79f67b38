"""Cubify against counts of exposed sides, trimesh and Euler numbers."""

import numpy as np
import pytest

from jaxdl.data.meshes.mesh import enclosed_volume, euler_number, openings, surface_area
from jaxdl.vision3d.fields.cubify import cubify


@pytest.mark.parametrize("threshold", [0.3, 0.6])
def test_sides_volume_and_vertices_are_those_of_the_cubes(threshold):
    probabilities = np.random.default_rng(0).random((5, 6, 7))
    mesh = cubify(probabilities, threshold)
    there = np.pad(probabilities > threshold, 1)
    sides = [np.diff(there, axis=axis) != 0 for axis in range(3)]
    exposed = sum(int(side.sum()) for side in sides)
    assert len(mesh.faces) == 2 * exposed
    size = 2 / np.array([5, 6, 7])
    areas = [np.prod(np.delete(size, axis)) * sides[axis].sum() for axis in range(3)]
    np.testing.assert_allclose(surface_area(mesh), sum(areas))
    np.testing.assert_allclose(enclosed_volume(mesh), there.sum() * np.prod(size))
    corners = {
        tuple(np.add(cell, offset))
        for cell in np.argwhere(probabilities > threshold)
        for offset in np.ndindex(2, 2, 2)
    }
    assert len(mesh.vertices) <= len(corners)
    used = {tuple(v) for v in np.round((mesh.vertices + 1) / size).astype(int)}
    assert len(used) == len(mesh.vertices)
    assert used <= corners


def test_trimesh_calls_a_block_closed_with_euler_2_and_a_ring_0():
    trimesh = pytest.importorskip("trimesh")
    block, ring = np.zeros((4, 4, 4)), np.zeros((4, 4, 4))
    block[1:3, 1:3, 1:3] = ring[:3, :3, 0] = 1
    ring[1, 1, 0] = 0
    for grid, euler in ((block, 2), (ring, 0)):
        mesh = cubify(grid, bound=2.0)
        judge = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        assert judge.is_watertight
        assert judge.is_winding_consistent
        assert judge.volume == pytest.approx(grid.sum())
        assert judge.euler_number == euler_number(mesh) == euler


def test_cubes_that_touch_along_an_edge_keep_four_faces_there_and_nothing_gives_nothing():
    grid = np.zeros((2, 2, 2))
    grid[0, 0, 0] = grid[1, 1, 0] = 1
    assert openings(cubify(grid)) == (0, 1, 0)
    assert cubify(np.zeros((2, 2, 2))).faces.shape == (0, 3)
    with pytest.raises(ValueError, match="3 axes"):
        cubify(np.zeros((2, 2)))
