"""Mesh losses against loops over edges and faces, and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.meshes.mesh import adjacent_faces, edges_of
from jaxdl.vision3d.surfaces.mesh_losses import (
    bend_loss,
    edge_loss,
    laplacian_loss,
    normal_loss,
    turned_faces,
)
from tests.vision3d.solid_meshes import TORUS, solid, turned

MESH = turned(TORUS)
EDGES, ADJACENT = edges_of(MESH.faces).ends, adjacent_faces(MESH)
RNG = np.random.default_rng(0)
VERTICES = MESH.vertices + RNG.normal(size=(2, *MESH.vertices.shape)) * 0.03
BEFORE = VERTICES + RNG.normal(size=VERTICES.shape) * 0.05
NORMALS = RNG.normal(size=VERTICES.shape)
NORMALS /= np.linalg.norm(NORMALS, axis=-1, keepdims=True)
LOSSES = {
    "edge": lambda v: edge_loss(v, EDGES),
    "laplacian": lambda v: laplacian_loss(v, jnp.asarray(BEFORE, jnp.float32), EDGES),
    "normal": lambda v: normal_loss(v, EDGES, jnp.asarray(NORMALS, jnp.float32)),
    "bend": lambda v: bend_loss(v, MESH.faces, ADJACENT),
}


def neighbors(v):
    return [b if a == v else a for a, b in EDGES if v in (a, b)]


def wanted(name, vertices, before, normals):
    if name == "edge":
        return np.mean([((vertices[a] - vertices[b]) ** 2).sum() for a, b in EDGES])
    if name == "laplacian":
        ways = [
            [x[neighbors(v)].mean(axis=0) - x[v] for v in range(len(vertices))]
            for x in (vertices, before)
        ]
        return ((np.array(ways[0]) - ways[1]) ** 2).sum(axis=1).mean()
    if name == "normal":
        both = [(a, b) for a, b in EDGES] + [(b, a) for a, b in EDGES]
        ways = [(vertices[p] - vertices[k], normals[p]) for p, k in both]
        return np.mean([(w @ n / np.linalg.norm(w)) ** 2 for w, n in ways])
    facing = []
    for a, b, c in vertices[MESH.faces]:
        normal = np.cross(b - a, c - a)
        facing.append(normal / np.linalg.norm(normal))
    sides = {}
    for i, face in enumerate(MESH.faces.tolist()):
        for pair in zip(face, face[1:] + face[:1], strict=True):
            sides.setdefault(frozenset(pair), []).append(i)
    return np.mean([1 - facing[i] @ facing[j] for i, j in sides.values()])


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_the_formula_and_gradients_finite_differences(name):
    vertices = jnp.asarray(VERTICES, jnp.float32)
    got = LOSSES[name](vertices)
    want = [wanted(name, VERTICES[b], BEFORE[b], NORMALS[b]) for b in range(2)]
    np.testing.assert_allclose(got, want, rtol=1e-3)
    way = jnp.asarray(RNG.normal(size=VERTICES.shape), jnp.float32)

    def value(step):
        return jnp.sum(LOSSES[name](vertices + step * way))

    finite = (value(1e-3) - value(-1e-3)) / 2e-3
    np.testing.assert_allclose(jax.grad(value)(0.0), finite, rtol=1e-2)


def test_what_is_flat_or_moved_as_a_whole_costs_nothing():
    box = solid("box", (0.3, 0.4, 0.5), cells=1)
    pairs = adjacent_faces(box)
    vertices = jnp.asarray(box.vertices[None], jnp.float32)
    # 12 of its 18 pairs of faces meet at right angles, 6 in a plane
    np.testing.assert_allclose(bend_loss(vertices, box.faces, pairs), 12 / 18, rtol=1e-5)
    before = jnp.asarray(BEFORE, jnp.float32)
    np.testing.assert_allclose(laplacian_loss(before + 3, before, EDGES), 0, atol=1e-9)


def test_turned_faces_are_sines_squared_in_a_loop():
    face = RNG.integers(0, len(MESH.faces), (2, 9))
    normals = NORMALS[:, :9]
    want = []
    for b in range(2):
        sines = []
        for i, normal in zip(face[b], normals[b], strict=True):
            p, q, r = VERTICES[b][MESH.faces[i]]
            own = np.cross(q - p, r - p)
            sines.append(1 - (own @ normal / np.linalg.norm(own)) ** 2)
        want.append(np.mean(sines))
    vertices, facing = (jnp.asarray(v, jnp.float32) for v in (VERTICES, normals))
    np.testing.assert_allclose(turned_faces(vertices, MESH.faces, face, facing), want, rtol=1e-4)
