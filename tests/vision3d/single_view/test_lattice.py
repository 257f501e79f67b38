"""The masked lattice against cubify on the host, trimesh's edges and loops over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.meshes.mesh import edges_of
from jaxdl.vision3d.fields.cubify import cubify
from jaxdl.vision3d.single_view.lattice import (
    lattice_corners,
    lattice_edge_loss,
    lattice_faces,
    lattice_mesh,
    lattice_sum,
    surface_of,
)

RNG = np.random.default_rng(0)
BLOCK, RING = np.zeros((2, 4, 4, 4))
BLOCK[1:3, :2, 1:3] = RING[:3, :3, 0] = 1
RING[1, 1, 0] = 0
NOISE = RNG.random((4, 4, 4)) < 0.5
GRIDS = np.stack([BLOCK > 0, RING > 0, NOISE, np.zeros((4, 4, 4), bool)])
SURFACE = jax.jit(surface_of)(GRIDS)


@pytest.mark.parametrize("number", range(3))
def test_a_masked_lattice_is_the_cubified_grid(number):
    trimesh = pytest.importorskip("trimesh")
    corners = lattice_corners(4)
    mesh = lattice_mesh(corners, np.asarray(SURFACE.faces[number]))
    judge = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert judge.volume == pytest.approx(GRIDS[number].sum() / 8)
    other = cubify(GRIDS[number])
    assert len(mesh.faces) == len(other.faces)
    assert {tuple(v) for v in mesh.vertices} == {tuple(v) for v in other.vertices}
    if number < 2:
        assert judge.is_watertight
        assert judge.is_winding_consistent
        assert judge.euler_number == (2, 0)[number]


def square_edges(number):
    """Pairs of corners along the axes, of the triangles of the surface: no diagonals."""
    faces = lattice_faces(4)[np.asarray(SURFACE.faces[number])]
    ends = edges_of(faces).ends
    corners = lattice_corners(4)
    return ends[np.abs(corners[ends[:, 0]] - corners[ends[:, 1]]).sum(axis=1) < 0.6]


def test_neighbors_and_edge_lengths_are_those_of_loops_over_edges():
    x = RNG.normal(size=(4, 125, 3))
    got = jax.jit(lattice_sum)(jnp.asarray(x, jnp.float32), SURFACE)
    lengths = jax.jit(lattice_edge_loss)(jnp.asarray(x, jnp.float32), SURFACE)
    for number in range(3):
        want = np.zeros((125, 3))
        edges = square_edges(number)
        for a, b in edges:
            want[a] += x[number, b]
            want[b] += x[number, a]
        np.testing.assert_allclose(got[number], want, atol=1e-5)
        ways = x[number, edges[:, 0]] - x[number, edges[:, 1]]
        np.testing.assert_allclose(lengths[number], (ways**2).sum(axis=1).mean(), rtol=1e-5)
    assert lengths[3] == 0  # no mesh
    with pytest.raises(ValueError, match="4 axes"):
        surface_of(jnp.zeros((4, 4, 4), bool))
