"""Mesh measures against trimesh and worked examples; broken meshes are named or counted."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.meshes.mend import mend
from jaxdl.data.meshes.mesh import (
    Mesh,
    adjacent_faces,
    check_closed,
    edges_of,
    enclosed_volume,
    euler_number,
    face_normals,
    normalize,
    openings,
    sample_surface,
    split_parts,
    surface_area,
    vertex_normals,
)
from jaxdl.data.meshes.triangles import areas
from jaxdl.data.synthetic import solid_surfaces

trimesh = pytest.importorskip("trimesh")
NAN = float("nan")
TETRAHEDRON = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)


def solid(name, sizes, cells=4):
    vertices, faces = solid_surfaces.mesh(
        solid_surfaces.KINDS.index(name), np.array([sizes], float), cells
    )
    return Mesh(vertices[0], faces)


SPHERE, TORUS = solid("sphere", (0.7, 0, 0)), solid("torus", (0.5, 0.2, 0))


def judge(mesh):
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@pytest.mark.parametrize("mesh", [TETRAHEDRON, SPHERE, TORUS, solid("box", (0.3, 0.4, 0.5))])
def test_measures_are_those_of_trimesh(mesh):
    want = judge(mesh)
    np.testing.assert_allclose(surface_area(mesh), want.area)
    np.testing.assert_allclose(enclosed_volume(mesh), want.volume)
    np.testing.assert_allclose(face_normals(mesh), want.face_normals, atol=1e-12)
    assert euler_number(mesh) == want.euler_number
    np.testing.assert_array_equal(
        edges_of(mesh.faces).ends,
        np.sort(want.edges_unique, 1)[np.lexsort(np.sort(want.edges_unique, 1).T[::-1])],
    )
    pairs = {tuple(sorted(pair)) for pair in want.face_adjacency.tolist()}
    assert {tuple(sorted(pair)) for pair in adjacent_faces(mesh).tolist()} == pairs
    assert openings(mesh) == (0, 0, 0)
    assert want.is_watertight


def test_vertex_normals_are_weighted_by_area():
    totals = np.zeros_like(TORUS.vertices)
    for face in TORUS.faces:
        a, b, c = TORUS.vertices[face]
        totals[face] += np.cross(b - a, c - a) / 2
    want = totals / np.linalg.norm(totals, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(TORUS), want, atol=1e-12)
    ball = SPHERE.vertices / 0.7
    assert ((vertex_normals(SPHERE) * ball).sum(axis=1) > 0.99).all()


def test_samples_are_even_by_area_and_lie_on_their_faces():
    u = np.random.default_rng(0).random((60_000, 3))
    points, face = sample_surface(TORUS, u)
    share = areas(TORUS.vertices, TORUS.faces) / surface_area(TORUS)
    count = np.bincount(face, minlength=len(TORUS.faces))
    chi = ((count - 60_000 * share) ** 2 / (60_000 * share)).sum()
    assert chi < len(share) + 5 * np.sqrt(2 * len(share))
    nearest = trimesh.triangles.closest_point(TORUS.vertices[TORUS.faces[face[:500]]], points[:500])
    np.testing.assert_allclose(nearest, points[:500], atol=1e-12)
    weights = trimesh.triangles.points_to_barycentric(TORUS.vertices[TORUS.faces[face]], points)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=5e-3)  # even within a face
    np.testing.assert_allclose((weights**2).mean(axis=0), 1 / 6, atol=5e-3)
    with pytest.raises(DataError, match="no area"):
        sample_surface(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])), u)


def test_a_hole_an_extra_face_and_a_turned_face_are_counted():
    opened = Mesh(SPHERE.vertices, SPHERE.faces[1:])
    assert openings(opened) == (3, 0, 0)
    assert euler_number(opened) == 1
    with pytest.raises(DataError, match="3 edges at holes"):
        check_closed("volume", opened)
    turned = Mesh(SPHERE.vertices, np.concatenate([SPHERE.faces[:1, ::-1], SPHERE.faces[1:]]))
    assert openings(turned) == (0, 0, 3)
    with pytest.raises(DataError, match="3 between faces that turn"):
        enclosed_volume(turned)
    fin = Mesh(
        np.concatenate([TETRAHEDRON.vertices, [[1.0, 1, 1]]]),
        np.concatenate([TETRAHEDRON.faces, [[1, 2, 4]]]),
    )
    assert openings(fin) == (2, 1, 0)
    two = Mesh(  # two tetrahedra that share an edge still enclose a body
        np.concatenate([TETRAHEDRON.vertices, -TETRAHEDRON.vertices[1:]]),
        np.concatenate([TETRAHEDRON.faces, [[0, 4, 5], [0, 6, 4], [0, 5, 6], [4, 6, 5]]]),
    )
    np.testing.assert_allclose(enclosed_volume(two), 1 / 3)
    assert judge(two).volume == pytest.approx(1 / 3)


def test_what_is_broken_is_left_out_and_counted():
    vertices = np.array(
        [*TETRAHEDRON.vertices, [NAN, 0, 0], [1, 0, 0], [5, 5, 5], [0.5, 0, 0], [np.inf, 0, 0]]
    )
    faces = [
        *TETRAHEDRON.faces.tolist(),
        [0, 1, 4],  # at NaN
        [5, 3, 0],  # vertex 5 is vertex 1: the second face again
        [0, 0, 2],  # names a vertex twice
        [0, 7, 1],  # on a line
    ]
    mesh, counts = mend(vertices, np.array(faces))
    assert counts == {"not_finite": 2, "merged": 1, "degenerate": 2, "repeated": 1, "unused": 2}
    np.testing.assert_allclose(enclosed_volume(mesh), 1 / 6)
    whole, counts = mend(TETRAHEDRON.vertices, TETRAHEDRON.faces)
    assert counts == {}
    assert len(whole.faces) == 4
    assert mend(TETRAHEDRON.vertices, TETRAHEDRON.faces[1:])[1] == {"holes": 3}
    with pytest.raises(DataError, match=r"cow.obj: no face .*1 not_finite"):
        mend(np.array([[NAN, 0, 0], [0, 1, 0], [1, 0, 0]]), np.array([[0, 1, 2]]), who="cow.obj")
    with pytest.raises(DataError, match=r"face 0 is \[0, 1, 9\], but there are 3"):
        mend(np.zeros((3, 3)), np.array([[0, 1, 9]]))


def test_a_mesh_refuses_what_is_none():
    with pytest.raises(DataError, match=r"\(V, 3\), got shape \(4, 2\)"):
        Mesh(np.zeros((4, 2)), np.array([[0, 1, 2]]))
    with pytest.raises(DataError, match=r"\(F, 3\) integers.*\(1, 4\)"):
        Mesh(np.zeros((4, 3)), np.array([[0, 1, 2, 3]]))
    with pytest.raises(DataError, match=r"face 1 is \[0, 1, -1\]"):
        Mesh(np.zeros((4, 3)), np.array([[0, 1, 2], [0, 1, -1]]))
    with pytest.raises(DataError, match="vertex 2 .*one of 1 that are not finite"):
        Mesh(np.array([[0, 0, 0], [1, 0, 0], [NAN, 0, 0]]), np.array([[0, 1, 2]]))


def test_parts_are_those_of_trimesh():
    three = Mesh(
        np.concatenate([TETRAHEDRON.vertices, SPHERE.vertices + 3, TETRAHEDRON.vertices - 3]),
        np.concatenate(
            [
                TETRAHEDRON.faces,
                SPHERE.faces + 4,
                TETRAHEDRON.faces + 4 + len(SPHERE.vertices),
            ]
        ),
    )
    parts = split_parts(three)
    want = judge(three).split(only_watertight=False)
    volumes = sorted(enclosed_volume(part) for part in parts)
    np.testing.assert_allclose(volumes, sorted(part.volume for part in want))
    assert len(parts[0].faces) == len(SPHERE.faces)
    assert [len(part.faces) for part in parts[1:]] == [4, 4]
    assert split_parts(Mesh(np.zeros((3, 3)), np.zeros((0, 3), int))) == []


def test_normalized_meshes_have_longest_side_1_around_the_origin():
    mesh = normalize(Mesh(TORUS.vertices * [1, 1, 3] + 5, TORUS.faces))
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    np.testing.assert_allclose(low + high, 0, atol=1e-12)
    np.testing.assert_allclose((high - low).max(), 1)
