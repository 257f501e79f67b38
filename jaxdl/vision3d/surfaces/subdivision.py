"""Each triangle as four: the middles of its sides become vertices."""

from typing import Any, NamedTuple

import numpy as np

from jaxdl.data.meshes.mesh import Mesh, edges_of
from jaxdl.typing import Host


class Subdivision(NamedTuple):
    """`faces` `(4 F, 3)` over V old vertices and one for each of the `edges` `(E, 2)`, in order."""

    faces: Host
    edges: Host


def subdivide(faces: Host, vertex_count: int) -> Subdivision:
    """The new faces: those at the corners of the old ones, then the old ones' middles."""
    edges = edges_of(faces)
    middle = vertex_count + edges.of_face
    pieces = [np.stack([faces[:, i], middle[:, i], middle[:, i - 1]], axis=1) for i in range(3)]
    return Subdivision(np.concatenate([*pieces, middle]), edges.ends)


def middles(values: Any, edges: Host) -> Any:
    """What edges get from their ends, for NumPy and JAX: `(..., V, C)` -> `(..., E, C)`."""
    return (values[..., edges[:, 0], :] + values[..., edges[:, 1], :]) / 2


def subdivide_mesh(mesh: Mesh, times: int = 1) -> Mesh:
    """The mesh with 4^times as many faces of the same shape."""
    for _ in range(times):
        finer = subdivide(mesh.faces, len(mesh.vertices))
        added = middles(mesh.vertices, finer.edges)
        mesh = Mesh(np.concatenate([mesh.vertices, added]), finer.faces)
    return mesh
