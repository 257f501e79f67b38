"""Meshes of the synthetic solids, for tests."""

import numpy as np

from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.synthetic import solid_surfaces


def solid(name, sizes, cells=4):
    """The mesh of one solid of `solid_surfaces`."""
    kind = solid_surfaces.KINDS.index(name)
    vertices, faces = solid_surfaces.mesh(kind, np.array([sizes], float), cells)
    return Mesh(vertices[0], faces)


def turned(mesh, seed=0):
    """The mesh, rotated so that no face is along an axis."""
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    return Mesh(mesh.vertices @ rotation.T, mesh.faces)


SPHERE = solid("sphere", (0.7, 0, 0))
BOX = solid("box", (0.3, 0.4, 0.5))
TORUS = solid("torus", (0.5, 0.2, 0))
