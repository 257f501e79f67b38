"""Graph convolutions against loops over edges and torch's dense adjacency; both derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.meshes.mesh import edges_of, euler_number, openings
from jaxdl.vision3d.single_view.graph_conv import (
    GraphConv,
    GraphResidual,
    neighbor_sum,
    neighbor_table,
)
from jaxdl.vision3d.single_view.template import levels, sphere
from tests.vision3d.single_view.drawn_weights import drawn_weights

MESH = sphere(12)
EDGES = edges_of(MESH.faces).ends
TABLE = neighbor_table(EDGES, 12)
ADJACENCY = np.zeros((12, 12))
ADJACENCY[EDGES[:, 0], EDGES[:, 1]] = ADJACENCY[EDGES[:, 1], EDGES[:, 0]] = 1
X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 12, 4)), jnp.float32)


def neighbors(x):
    return neighbor_sum(x, TABLE)


def test_the_sum_over_neighbors_and_both_derivatives_are_the_adjacency():
    for v in range(12):
        assert sorted(set(TABLE[v]) - {12}) == sorted(np.flatnonzero(ADJACENCY[v]))
    want = ADJACENCY @ np.asarray(X)
    np.testing.assert_allclose(neighbors(X), want, atol=1e-5)
    way = jnp.cos(X)
    along = jax.jvp(jax.jit(neighbors), (X,), (way,))[1]
    np.testing.assert_allclose(along, ADJACENCY @ np.asarray(way), atol=1e-5)
    back = jax.jit(jax.grad(lambda x: jnp.sum(neighbors(x) * way)))(X)
    np.testing.assert_allclose(back, ADJACENCY.T @ np.asarray(way), atol=1e-5)
    np.testing.assert_allclose(jax.vmap(neighbors)(jnp.stack([X, way]))[0], want, atol=1e-5)


def test_a_graph_convolution_is_its_formula():
    net = GraphConv(3)
    variables = drawn_weights(net, X, neighbors=neighbors)
    got = jax.jit(lambda v: net.apply(v, X, neighbors))(variables)
    p = jax.tree.map(lambda v: np.asarray(v, np.float64), variables["params"])
    for b in range(2):
        for v in range(12):
            want = np.asarray(X)[b, v] @ p["own"]["kernel"] + p["own"]["bias"]
            for j in np.flatnonzero(ADJACENCY[v]):
                want = want + np.asarray(X)[b, j] @ p["around"]["kernel"]
            np.testing.assert_allclose(got[b, v], want, atol=1e-5)


def test_residual_blocks_are_those_of_torch():
    torch = pytest.importorskip("torch")
    net = GraphResidual(5, 2)
    variables = drawn_weights(net, X, neighbors=neighbors)
    p = jax.tree.map(lambda v: torch.tensor(np.asarray(v)), variables["params"])
    adjacency = torch.tensor(ADJACENCY, dtype=torch.float32)

    def conv(name, h):
        own = h @ p[name]["own"]["kernel"] + p[name]["own"]["bias"]
        return torch.relu(own + adjacency @ h @ p[name]["around"]["kernel"])

    h = conv("enter", torch.tensor(np.asarray(X)))
    for i in range(2):
        h = (h + conv(f"second{i}", conv(f"first{i}", h))) / 2
    got = jax.jit(lambda v: net.apply(v, X, neighbors))(variables)
    np.testing.assert_allclose(got, h, atol=1e-5)


def test_the_sphere_has_156_vertices_and_462_edges_and_is_subdivided_to_618_and_2466():
    trimesh = pytest.importorskip("trimesh")
    mesh = sphere()
    assert (len(mesh.vertices), euler_number(mesh), openings(mesh)) == (156, 2, (0, 0, 0))
    judge = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert judge.is_watertight
    assert judge.volume > 0.9 * 4 / 3 * np.pi  # outwards, and full
    made = levels(mesh)
    assert [len(level.table) for level in made] == [156, 618, 2466]
    assert [len(level.edges) for level in made] == [462, 1848, 7392]
    assert [len(level.parents) for level in made] == [0, 462, 1848]
    fine = judge.subdivide()
    assert len(fine.vertices) == 618
    assert len(fine.faces) == len(made[1].faces)
