"""Octrees against the full grids that they stand for, and against plain recursion."""

import numpy as np
import pytest

from jaxdl.vision3d.fields.octree import (
    grid_bytes,
    octree_of_distance,
    octree_of_voxels,
    query,
    voxels_of,
)
from jaxdl.vision3d.fields.voxels import centers, solid_voxels
from tests.vision3d.solid_meshes import TORUS, turned


def ball(points):
    return np.linalg.norm(points, axis=1) - 0.9


def divided(voxels):
    """How many cubes are divided, by recursion: those that hold both kinds, down to 2^3 cells."""
    if voxels.all() or not voxels.any():
        return 0
    n = len(voxels) // 2
    if n == 1:
        return 1
    eighths = [
        voxels[x : x + n, y : y + n, z : z + n] for x in (0, n) for y in (0, n) for z in (0, n)
    ]
    return 1 + sum(map(divided, eighths))


@pytest.mark.parametrize("resolution", [4, 8, 32])
@pytest.mark.parametrize("kind", ["noise", "torus", "empty", "full"])
def test_the_grid_comes_back_and_no_cube_is_divided_needlessly(resolution, kind):
    voxels = {
        "noise": np.random.default_rng(0).random([resolution] * 3) < 0.5,
        "torus": solid_voxels(turned(TORUS), resolution),
        "empty": np.zeros([resolution] * 3, bool),
        "full": np.ones([resolution] * 3, bool),
    }[kind]
    tree = octree_of_voxels(voxels, bound=0.7)
    assert 2**tree.depth == resolution
    np.testing.assert_array_equal(voxels_of(tree), voxels)
    nodes = sum(map(len, tree.levels)) + len(tree.cells)
    assert nodes - divided(voxels) in (0, 1)  # the root is there even where it is of one kind
    points = np.random.default_rng(1).uniform(-1, 1, (500, 3))
    cell = np.floor((points + 0.7) * (resolution / 1.4)).astype(int)
    within = ((cell >= 0) & (cell < resolution)).all(axis=1)
    want = np.zeros(500, bool)
    want[within] = voxels[tuple(cell[within].T)]
    np.testing.assert_array_equal(query(tree, points), want)


def test_a_distance_gives_the_octree_of_its_grid():
    middle = centers(32)
    grid = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3)
    whole = octree_of_voxels((ball(grid) <= 0).reshape(32, 32, 32))
    tree = octree_of_distance(ball, 5)
    for a, b in zip(tree.levels, whole.levels, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(tree.cells, whole.cells)
    assert tree.nbytes == whole.nbytes


def test_the_full_grid_of_1024_takes_4_gib_and_the_octree_grows_with_the_surface():
    assert grid_bytes(1024) == 4 * 2**30
    sizes = [octree_of_distance(ball, depth).nbytes for depth in (5, 6, 7)]
    ratios = np.array(sizes[1:]) / sizes[:-1]
    assert (ratios < 5).all()  # near 4 for a surface, 8 for a body
    assert (ratios > 3).all()
    assert sizes[2] * 4**3 < 4 * 2**30 / 100  # what 1024^3 will take


def test_what_is_no_cube_of_cells_is_refused():
    for shape in ((6, 6, 6), (2, 2, 2), (4, 4, 8), (4, 4)):
        with pytest.raises(ValueError, match="power of two"):
            octree_of_voxels(np.zeros(shape, bool))
    with pytest.raises(ValueError, match="depth"):
        octree_of_distance(ball, 1)
