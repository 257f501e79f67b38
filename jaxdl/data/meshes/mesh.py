"""A triangle mesh on the host, and what is counted and measured of it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from jaxdl.checks import DataError
from jaxdl.data.meshes.triangles import area_vectors, areas, points_in, volume
from jaxdl.typing import Host


@dataclass(frozen=True)
class Mesh:
    """`vertices` `(V, 3)` float64; `faces` `(F, 3)` int64, counter-clockwise seen from outside.

    Raises DataError where a number is not finite or a face names a vertex that is not there.
    """

    vertices: Host
    faces: Host

    def __post_init__(self) -> None:
        vertices, faces = np.asarray(self.vertices), np.asarray(self.faces)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise DataError(f"Mesh: vertices must be (V, 3), got shape {vertices.shape}")
        if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
            raise DataError(
                f"Mesh: faces must be (F, 3) integers, got shape {faces.shape}, {faces.dtype}"
            )
        check_indices("Mesh", faces, len(vertices))
        bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
        if len(bad):
            raise DataError(
                f"Mesh: vertex {bad[0]} is {vertices[bad[0]]}, one of {len(bad)} that are not "
                "finite; `mend` drops them and counts"
            )
        object.__setattr__(self, "vertices", vertices.astype(np.float64))
        object.__setattr__(self, "faces", faces.astype(np.int64))


def check_indices(who: str, faces: Host, count: int) -> None:
    """Raises DataError unless every face names vertices below `count`."""
    bad = np.flatnonzero(((faces < 0) | (faces >= count)).any(axis=1))
    if len(bad):
        raise DataError(
            f"{who}: face {bad[0]} is {faces[bad[0]].tolist()}, but there are {count} vertices"
        )


class Edges(NamedTuple):
    """The edges of faces without a direction, each once."""

    ends: Host  # (E, 2), the smaller vertex first, in rising order
    of_face: Host  # (F, 3): the edges 01, 12, 20 of each face
    faces: Host  # (E,): how many faces have it


def edges_of(faces: Host) -> Edges:
    """The edges of `faces` `(F, 3)`."""
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    base = int(faces.max(initial=-1)) + 1
    keys, number, count = np.unique(
        sides[:, 0] * base + sides[:, 1], return_inverse=True, return_counts=True
    )
    ends = np.stack([keys // max(base, 1), keys % max(base, 1)], axis=1)
    return Edges(ends, number.reshape(-1, 3), count)


def euler_number(mesh: Mesh) -> int:
    """V - E + F of what the faces use: 2 for a sphere, 0 for a torus, summed over parts."""
    return len(np.unique(mesh.faces)) - len(edges_of(mesh.faces).ends) + len(mesh.faces)


def adjacent_faces(mesh: Mesh) -> Host:
    """Pairs of faces `(A, 2)` that share an edge which no third one has; the smaller first."""
    edges = edges_of(mesh.faces)
    order = np.argsort(edges.of_face.ravel(), kind="stable")
    start = np.cumsum(edges.faces) - edges.faces
    first = start[edges.faces == 2]
    return np.stack([order[first] // 3, order[first + 1] // 3], axis=1)


def split_parts(mesh: Mesh) -> list[Mesh]:
    """What hangs together by vertices, each part as a mesh; the one of most faces first."""
    ends = edges_of(mesh.faces).ends
    size = len(mesh.vertices)
    links = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (size, size))
    part = connected_components(links, directed=False)[1][mesh.faces[:, 0]]
    parts = []
    for number in np.argsort(-np.bincount(part), kind="stable"):
        if (part == number).any():
            used, faces = np.unique(mesh.faces[part == number], return_inverse=True)
            parts.append(Mesh(mesh.vertices[used], faces.reshape(-1, 3)))
    return parts


class Openings(NamedTuple):
    """How a surface fails to be the skin of a body."""

    open: int  # edges with one face: holes
    crowded: int  # edges with three and more
    turned: int  # edges whose two faces turn against each other


def openings(mesh: Mesh) -> Openings:
    """Counts what is wrong with the edges; all 0 for a closed surface of one orientation."""
    edges = edges_of(mesh.faces)
    rising = mesh.faces < np.roll(mesh.faces, -1, axis=1)
    along = np.bincount(edges.of_face.ravel(), weights=rising.ravel(), minlength=len(edges.ends))
    two = edges.faces == 2
    return Openings(
        int((edges.faces == 1).sum()), int((edges.faces > 2).sum()), int((two & (along != 1)).sum())
    )


def is_closed(mesh: Mesh) -> bool:
    """Whether it encloses a body: each edge has as many faces one way as the other."""
    edges = edges_of(mesh.faces)
    rising = np.where(mesh.faces < np.roll(mesh.faces, -1, axis=1), 1, -1)
    sums = np.bincount(edges.of_face.ravel(), weights=rising.ravel(), minlength=len(edges.ends))
    return len(mesh.faces) > 0 and not sums.any()


def check_closed(who: str, mesh: Mesh) -> None:
    """Raises DataError unless `is_closed`."""
    if not is_closed(mesh):
        found = openings(mesh)
        raise DataError(
            f"{who} needs a closed surface, got one of {len(mesh.faces)} faces with {found.open} "
            f"edges at holes, {found.crowded} with more than two faces and {found.turned} between "
            "faces that turn against each other; close it, or take `winding_number`"
        )


def surface_area(mesh: Mesh) -> float:
    """The sum of the areas of the faces."""
    return float(areas(mesh.vertices, mesh.faces).sum())


def enclosed_volume(mesh: Mesh) -> float:
    """Negative where the faces turn inwards. Raises DataError unless the mesh is closed."""
    check_closed("enclosed_volume", mesh)
    return float(volume(mesh.vertices, mesh.faces))


def unit(vectors: Host) -> Host:
    """Vectors of length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def face_normals(mesh: Mesh) -> Host:
    """Outward unit normals `(F, 3)`; zero where a face has no area."""
    return unit(area_vectors(mesh.vertices, mesh.faces))


def vertex_normals(mesh: Mesh) -> Host:
    """Unit normals `(V, 3)`: of the faces around a vertex, each weighted by its area."""
    total = np.zeros_like(mesh.vertices)
    weighted = area_vectors(mesh.vertices, mesh.faces)
    for corner in range(3):
        np.add.at(total, mesh.faces[:, corner], weighted)
    return unit(total)


def sample_surface(mesh: Mesh, u: Host) -> tuple[Host, Host]:
    """Points spread evenly by area and their faces, from uniform `u` `(n, 3)`: `(n, 3)`, `(n,)`."""
    share = np.cumsum(areas(mesh.vertices, mesh.faces))
    if not len(share) or share[-1] <= 0:
        raise DataError(f"sample_surface: the mesh of {len(share)} faces has no area")
    face = np.searchsorted(share, u[:, 0] * share[-1], side="right").clip(max=len(share) - 1)
    return points_in(mesh.vertices, mesh.faces, face, u[:, 1:]), face


def normalize(mesh: Mesh) -> Mesh:
    """Moved and scaled: the middle of its box at the origin, its longest side 1."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    longest = (high - low).max()
    if longest <= 0:
        raise DataError("normalize: all vertices of the mesh are one point")
    return Mesh((mesh.vertices - (low + high) / 2) / longest, mesh.faces)
