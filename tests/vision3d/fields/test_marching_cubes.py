"""Marching cubes against scikit-image, trimesh, Euler numbers and closed forms."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxdl.data.meshes.mesh import check_closed, enclosed_volume, euler_number, openings
from jaxdl.vision3d.fields.cell_cases import SIDES, case_table
from jaxdl.vision3d.fields.marching_cubes import marching_cubes, to_space


def grid(size):
    axis = np.linspace(-1, 1, size)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1), axis[1] - axis[0]


def sphere(p):
    return np.linalg.norm(p, axis=-1) - 0.7


def torus(p):
    return np.hypot(np.hypot(p[..., 0], p[..., 1]) - 0.6, p[..., 2]) - 0.25


@pytest.mark.parametrize(
    ("field", "euler", "volume"),
    [(sphere, 2, 4 / 3 * np.pi * 0.7**3), (torus, 0, 2 * np.pi**2 * 0.6 * 0.25**2)],
)
def test_the_surface_is_that_of_scikit_image(field, euler, volume):
    measure = pytest.importorskip("skimage.measure")
    points, step = grid(40)
    values = field(points).astype(np.float32)
    raw = marching_cubes(values)
    mesh = to_space(raw, -1.0, step)
    check_closed("test", mesh)
    assert openings(mesh) == (0, 0, 0)
    assert euler_number(mesh) == euler
    np.testing.assert_allclose(enclosed_volume(mesh), volume, rtol=1e-2)
    assert np.abs(field(mesh.vertices)).max() < step**2
    vertices = measure.marching_cubes(values, 0.0)[0]
    for a, b in ((raw.vertices, vertices), (vertices, raw.vertices)):
        assert cKDTree(a).query(b)[0].max() < 0.05  # of a voxel


@pytest.mark.parametrize("seed", range(3))
def test_noise_in_all_cases_gives_closed_surfaces_of_one_orientation(seed):
    trimesh = pytest.importorskip("trimesh")
    values = np.random.default_rng(seed).normal(size=(9, 10, 11))
    mesh = marching_cubes(values, 0.2, pad=5.0)
    assert openings(mesh) == (0, 0, 0)
    judge = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert judge.is_watertight
    assert judge.is_winding_consistent
    assert judge.volume > 0
    low, high = np.floor(mesh.vertices).astype(int), np.ceil(mesh.vertices).astype(int)
    assert ((high - low).sum(axis=1) <= 1).all()  # on edges of the grid
    padded = np.pad(values, 1, constant_values=5.0)
    a, b = padded[tuple((low + 1).T)], padded[tuple((high + 1).T)]
    share = (mesh.vertices - low).sum(axis=1)
    np.testing.assert_allclose(a + share * (b - a), 0.2, atol=1e-6)


def test_one_cell_of_every_case_has_its_inside_corners_inside():
    for case in range(1, 255):
        inside = (case >> np.arange(8) & 1).astype(bool).reshape(2, 2, 2)
        mesh = marching_cubes(np.where(inside, -1.0, 1.0), pad=1.0)
        assert openings(mesh) == (0, 0, 0), case
        assert 0 < enclosed_volume(mesh) < inside.sum(), case
        assert (euler_number(mesh) == 2) or inside.sum() > 1, case


def test_the_cases_have_no_diagonal_along_a_side_and_turn_with_the_corners():
    table, count = case_table()
    assert count.max() == 5
    assert count[[0, 255]].tolist() == [0, 0]
    # bit 0 is the corner at the origin: its triangle faces away from it
    corner = np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    a, b, c = corner[[(0, 4, 8).index(edge) for edge in table[1, 0]]]
    assert np.cross(b - a, c - a) @ [1, 1, 1] > 0
    assert all(len(sides) == 2 for sides in SIDES)


def test_an_open_surface_a_level_and_what_is_refused():
    points, _ = grid(12)
    assert openings(marching_cubes(points[..., 2])).open > 0
    assert openings(marching_cubes(points[..., 2], pad=9.0)) == (0, 0, 0)
    high = marching_cubes(points[..., 2], 0.5)
    np.testing.assert_allclose(high.vertices[:, 2], 1.5 / 2 * 11)
    assert len(marching_cubes(np.ones((3, 3, 3))).faces) == 0
    with pytest.raises(ValueError, match="NaN"):
        marching_cubes(np.full((3, 3, 3), np.nan))
    with pytest.raises(ValueError, match=r"2 wide.*\(1, 3, 3\)"):
        marching_cubes(np.ones((1, 3, 3)))
    with pytest.raises(ValueError, match="3 axes"):
        marching_cubes(np.ones((3, 3)))
