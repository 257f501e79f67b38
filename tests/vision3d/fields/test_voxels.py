"""Voxels and inside tests against winding numbers, linear programs, trimesh and closed forms."""

import numpy as np
import pytest
from scipy.optimize import linprog

from jaxdl.checks import DataError
from jaxdl.data.meshes.mesh import Mesh, enclosed_volume, sample_surface
from jaxdl.vision3d.fields.crossings import contains, vertical_crossings, winding_below
from jaxdl.vision3d.fields.signed_distance import (
    distance,
    signed_distance,
    winding_number,
)
from jaxdl.vision3d.fields.voxels import centers, solid_voxels, surface_voxels
from tests.vision3d.solid_meshes import BOX, SPHERE, TORUS, solid, turned

MESHES = {"sphere": SPHERE, "box": BOX, "torus": turned(TORUS), "turned box": turned(BOX)}


def loops_of_angles(mesh, points):
    """Winding numbers in float64 loops, each solid angle by l'Huilier's theorem."""
    total = np.zeros(len(points))
    for p, point in enumerate(points):
        for face in mesh.faces:
            a, b, c = (v / np.linalg.norm(v) for v in mesh.vertices[face] - point)
            x, y, z = (np.arccos(np.clip(u @ v, -1, 1)) for u, v in ((b, c), (c, a), (a, b)))
            s = (x + y + z) / 2
            under = np.tan(s / 2) * np.tan((s - x) / 2) * np.tan((s - y) / 2) * np.tan((s - z) / 2)
            angle = 4 * np.arctan(np.sqrt(max(under, 0)))
            total[p] += np.sign(np.linalg.det([a, b, c])) * angle
    return total / (4 * np.pi)


@pytest.mark.parametrize("name", MESHES)
def test_inside_and_winding_are_the_sum_of_solid_angles(name):
    mesh = MESHES[name]
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (25, 3))
    want = loops_of_angles(mesh, points)
    np.testing.assert_allclose(winding_number(mesh, points), want, atol=1e-4)
    np.testing.assert_array_equal(contains(mesh, points), want > 0.5)
    opened = Mesh(mesh.vertices, mesh.faces[7:])
    np.testing.assert_allclose(
        winding_number(opened, points), loops_of_angles(opened, points), atol=1e-4
    )
    with pytest.raises(DataError, match="closed surface"):
        contains(opened, points)


def test_a_line_through_edges_and_vertices_crosses_as_often_up_as_down():
    steps = np.linspace(-0.75, 0.75, 13)  # runs through vertices and edges of a grid of cells
    lines = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    box = solid("box", (0.75, 0.75, 0.75), cells=6)
    line, _, z, sign = vertical_crossings(box, lines)
    assert np.bincount(line, sign, minlength=len(lines)).tolist() == [0] * len(lines)
    within = (np.abs(lines) < 0.74).all(axis=1)
    count = np.bincount(line, minlength=len(lines))
    assert (count[within] == 2).all()
    np.testing.assert_allclose(np.abs(z[np.isin(line, np.flatnonzero(within))]), 0.75)
    one, many = (vertical_crossings(box, lines, cells=cells) for cells in (1, 40))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(np.sort(a), np.sort(b))


def test_a_body_within_a_body_winds_twice_and_a_turned_one_is_a_hollow():
    inner = Mesh(SPHERE.vertices / 2, SPHERE.faces)
    twice = Mesh(
        np.concatenate([SPHERE.vertices, inner.vertices]),
        np.concatenate([SPHERE.faces, inner.faces + len(SPHERE.vertices)]),
    )
    points = np.array([[0, 0, 0], [0.5, 0, 0], [0.9, 0, 0]])
    assert winding_below(twice, points).tolist() == [2, 1, 0]
    hollow = Mesh(
        twice.vertices,
        np.concatenate([SPHERE.faces, inner.faces[:, ::-1] + len(SPHERE.vertices)]),
    )
    assert contains(hollow, points).tolist() == [False, True, False]


@pytest.mark.parametrize(("name", "resolution"), [("sphere", 9), ("torus", 16), ("turned box", 24)])
def test_solid_voxels_have_their_centers_inside(name, resolution):
    mesh = MESHES[name]
    middle = centers(resolution, bound=0.8)
    grid = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3)
    want = contains(mesh, grid[:, [0, 1, 2]]).reshape([resolution] * 3)
    got = solid_voxels(mesh, resolution, bound=0.8)
    np.testing.assert_array_equal(got, want)
    turned_about = Mesh(mesh.vertices[:, [1, 2, 0]], mesh.faces)  # lines along another axis
    np.testing.assert_array_equal(
        solid_voxels(turned_about, resolution, bound=0.8), got.transpose(1, 2, 0)
    )


def test_the_volume_of_voxels_approaches_that_of_the_mesh():
    mesh = MESHES["torus"]
    got = solid_voxels(mesh, 96).sum() * (2 / 96) ** 3
    np.testing.assert_allclose(got, enclosed_volume(mesh), rtol=0.005)
    np.testing.assert_allclose(solid_voxels(BOX, 40)[:, 20, 20].sum(), 12)  # 0.6 of 2


def touch(triangle, low, high):
    """Whether a triangle and a box have a point in common: a linear program."""
    bounds = [(0, 1)] * 3
    rows, limits = np.concatenate([triangle.T, -triangle.T]), np.concatenate([high, -low])
    found = linprog(np.zeros(3), rows, limits, np.ones((1, 3)), [1], bounds=bounds)
    return found.status == 0


def test_surface_voxels_are_those_that_a_face_touches():
    mesh = MESHES["turned box"]
    few = Mesh(mesh.vertices, mesh.faces[[0, 60, 130]])
    got, side = surface_voxels(few, 8), 0.25
    for cell in np.ndindex(got.shape):
        low = np.array(cell) * side - 1
        near = (
            any(touch(t, low, low + side) for t in few.vertices[few.faces])
            if (distance(few, (low + side / 2)[None])[0] < 0.25)
            else False
        )
        assert got[cell] == near, cell


def test_every_point_of_the_surface_is_in_a_voxel_and_no_voxel_is_far():
    mesh, resolution = MESHES["torus"], 20
    got = surface_voxels(mesh, resolution)
    points, _ = sample_surface(mesh, np.random.default_rng(0).random((20_000, 3)))
    cell = np.floor((points + 1) * (resolution / 2)).astype(int)
    assert got[tuple(cell.T)].all()
    middle = centers(resolution)[np.argwhere(got)]
    assert distance(mesh, middle).max() <= np.sqrt(3) / resolution + 1e-6
    part = surface_voxels(Mesh(mesh.vertices + np.array([0.8, 0, 0]), mesh.faces), resolution)
    np.testing.assert_array_equal(part[8:], got[:-8])  # what is outside of the cube is left out


def test_signed_distance_is_that_of_the_solid():
    fine = solid("box", (0.3, 0.4, 0.5))
    points = np.random.default_rng(3).uniform(-1, 1, (300, 3))
    beyond = np.abs(points) - [0.3, 0.4, 0.5]
    want = np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)
    np.testing.assert_allclose(signed_distance(fine, points), want, atol=1e-6)
    opened = Mesh(fine.vertices, fine.faces[2:])
    inside = signed_distance(opened, points) < 0
    assert (inside == (want < 0)).mean() > 0.98
