"""Mesh geometry against trimesh, loops and finite differences; subdivision against trimesh."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.meshes.mesh import edges_of, enclosed_volume, euler_number, surface_area
from jaxdl.vision3d.surfaces.geometry import (
    edge_lengths,
    laplacian,
    neighbor_mean,
    sample_points,
    unit_normals,
)
from jaxdl.vision3d.surfaces.subdivision import middles, subdivide, subdivide_mesh
from tests.vision3d.solid_meshes import SPHERE, TORUS, turned

MESH = turned(TORUS)
EDGES = edges_of(MESH.faces).ends
VERTICES = jnp.asarray(MESH.vertices, jnp.float32)


def test_lengths_normals_and_laplacian_are_those_of_trimesh_and_loops():
    trimesh = pytest.importorskip("trimesh")
    judge = trimesh.Trimesh(MESH.vertices, MESH.faces, process=False)
    np.testing.assert_allclose(unit_normals(VERTICES, MESH.faces), judge.face_normals, atol=1e-5)
    np.testing.assert_allclose(
        np.sort(edge_lengths(VERTICES, EDGES)), np.sort(judge.edges_unique_length), rtol=1e-5
    )
    want = [
        MESH.vertices[n].mean(axis=0) - v
        for n, v in zip(judge.vertex_neighbors, MESH.vertices, strict=True)
    ]
    batch = jnp.stack([VERTICES, 2 * VERTICES])
    np.testing.assert_allclose(laplacian(batch, EDGES)[0], want, atol=1e-6)
    np.testing.assert_allclose(laplacian(batch, EDGES)[1], 2 * np.array(want), atol=1e-6)
    alone = neighbor_mean(jnp.ones((3, 2)), np.array([[0, 1]]))
    np.testing.assert_array_equal(alone, [[1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize("name", ["normals", "lengths", "laplacian"])
def test_gradients_are_finite_differences(name):
    edges = edges_of(SPHERE.faces).ends
    make = {
        "normals": lambda v: unit_normals(v, SPHERE.faces),
        "lengths": lambda v: edge_lengths(v, edges)[:, None],
        "laplacian": lambda v: laplacian(v, edges),
    }[name]
    vertices = jnp.asarray(SPHERE.vertices, jnp.float32)
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.normal(size=make(vertices).shape), jnp.float32)
    direction = jnp.asarray(rng.normal(size=vertices.shape), jnp.float32)

    def value(step):
        return jnp.sum(make(vertices + step * direction) * weights)

    want = (value(1e-3) - value(-1e-3)) / 2e-3
    np.testing.assert_allclose(jax.grad(value)(0.0), want, rtol=1e-2)


def test_the_gradient_of_samples_goes_to_the_corners_of_their_faces():
    vertices, key = jnp.asarray(SPHERE.vertices, jnp.float32), jax.random.key(0)
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(50, 3)), jnp.float32)
    gradient = jax.grad(lambda v: jnp.sum(sample_points(key, v, SPHERE.faces, 50)[0] * weights))(
        vertices
    )
    points, face = sample_points(key, vertices, SPHERE.faces, 50)
    corners = SPHERE.vertices[SPHERE.faces[face]]  # (50, 3 corners, 3)
    shares = np.linalg.solve(corners.swapaxes(1, 2), np.asarray(points, float)[..., None])
    want = np.zeros((len(vertices), 3))
    np.add.at(want, SPHERE.faces[face], shares * np.asarray(weights)[:, None])
    np.testing.assert_allclose(gradient, want, atol=1e-4)


def test_lengths_and_normals_of_a_point_have_finite_gradients():
    flat, face = jnp.zeros((3, 3)), np.array([[0, 1, 2]])
    for make in (lambda v: edge_lengths(v, face[:, :2]), lambda v: unit_normals(v, face)):
        assert np.isfinite(jax.grad(lambda v, make=make: jnp.sum(make(v)))(flat)).all()


def test_samples_are_even_by_area():
    points, face = sample_points(jax.random.key(1), VERTICES, MESH.faces, 20_000)
    a, b, c = MESH.vertices[MESH.faces].swapaxes(0, 1)
    share = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 / surface_area(MESH)
    count = np.bincount(face, minlength=len(MESH.faces))
    chi = ((count - 20_000 * share) ** 2 / (20_000 * share)).sum()
    assert abs(chi - len(share)) < 5 * np.sqrt(2 * len(share))
    away = np.einsum("ij,ij->i", points - a[face], np.cross(b - a, c - a)[face])
    assert np.abs(away).max() < 1e-6


def test_subdivision_is_that_of_trimesh():
    trimesh = pytest.importorskip("trimesh")
    finer = subdivide_mesh(MESH, 2)
    judge = trimesh.Trimesh(MESH.vertices, MESH.faces, process=False).subdivide().subdivide()
    assert len(finer.vertices) == len(judge.vertices)
    assert len(finer.faces) == len(judge.faces) == 16 * len(MESH.faces)
    np.testing.assert_allclose(
        np.unique(np.round(finer.vertices, 8), axis=0),
        np.unique(np.round(judge.vertices, 8), axis=0),
    )
    np.testing.assert_allclose(enclosed_volume(finer), enclosed_volume(MESH))
    np.testing.assert_allclose(surface_area(finer), surface_area(MESH))
    assert euler_number(finer) == 0
    parts = subdivide(MESH.faces, len(MESH.vertices))
    np.testing.assert_array_equal(parts.edges, EDGES)
    want = [(MESH.vertices[a] + MESH.vertices[b]) / 2 for a, b in EDGES]
    np.testing.assert_allclose(middles(VERTICES, parts.edges), want, atol=1e-6)


def test_points_fall_on_the_faces_that_are_there():
    there = np.arange(len(TORUS.faces)) % 3 == 0
    vertices = jnp.asarray(TORUS.vertices, jnp.float32)
    key = jax.random.key(0)
    points, face = sample_points(key, vertices, TORUS.faces, 500, there=jnp.asarray(there))
    assert there[np.asarray(face)].all()
    assert len(set(np.asarray(face).tolist())) > 0.5 * min(there.sum(), 500)
    assert np.isfinite(points).all()
