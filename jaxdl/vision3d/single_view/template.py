"""The sphere that Pixel2Mesh deforms, and what it becomes by subdivision."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull

from jaxdl.data.meshes.mesh import Mesh, edges_of
from jaxdl.typing import Host
from jaxdl.vision3d.single_view.graph_conv import neighbor_table
from jaxdl.vision3d.surfaces.subdivision import subdivide

VERTICES = 156  # subdivided 618, then 2466 (Wang et al. 2018, 1804.01654, section 3.2)


class Level(NamedTuple):
    """The graph of a mesh of V vertices."""

    faces: Host  # (F, 3)
    edges: Host  # (E, 2)
    table: Host  # (V, K): neighbors
    parents: Host  # (P, 2): of the vertices that the level before has not, the last P


def sphere(count: int = VERTICES) -> Mesh:
    """`count` points spread over the unit sphere by the golden angle, and their convex hull.

    Closed, F = 2 (count - 2), E = 3 (count - 2).
    """
    number = np.arange(count)
    z = 1 - (2 * number + 1) / count
    angle = number * np.pi * (3 - 5**0.5)
    radius = np.sqrt(1 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)
    faces = ConvexHull(points).simplices.astype(np.int64)
    corners = points[faces]
    volume = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum(axis=1)
    faces[volume < 0] = faces[volume < 0][:, ::-1]
    return Mesh(points, faces)


def levels(mesh: Mesh, count: int = 3) -> list[Level]:
    """The mesh and `count - 1` subdivisions of it."""
    vertices, faces = len(mesh.vertices), mesh.faces
    made, parents = [], np.zeros((0, 2), np.int64)
    for _ in range(count):
        edges = edges_of(faces).ends
        made.append(Level(faces, edges, neighbor_table(edges, vertices), parents))
        finer = subdivide(faces, vertices)
        faces, parents = finer.faces, finer.edges
        vertices += len(parents)
    return made
