"""Measures of triangles, written with operators alone: for NumPy and for JAX arrays alike."""

from typing import Any

from jaxdl.typing import Host


def cross(a: Any, b: Any) -> Any:
    """The vector product of the last axes, `(..., 3)`."""
    forward, back = [1, 2, 0], [2, 0, 1]
    return a[..., forward] * b[..., back] - a[..., back] * b[..., forward]


def corners(vertices: Any, faces: Host) -> tuple[Any, Any, Any]:
    """The three corners of each face: `(..., V, 3)`, `(F, 3)` -> three `(..., F, 3)`."""
    a, b, c = (vertices[..., faces[:, i], :] for i in range(3))
    return a, b, c


def area_vectors(vertices: Any, faces: Host) -> Any:
    """Outward vectors as long as the area of each face: `(..., V, 3)` -> `(..., F, 3)`."""
    a, b, c = corners(vertices, faces)
    return cross(b - a, c - a) / 2


def areas(vertices: Any, faces: Host) -> Any:
    """The area of each face: `(..., V, 3)` -> `(..., F)`."""
    return (area_vectors(vertices, faces) ** 2).sum(axis=-1) ** 0.5


def volume(vertices: Any, faces: Host) -> Any:
    """What a closed surface encloses, by the divergence theorem: `(..., V, 3)` -> `(...)`."""
    a, b, c = corners(vertices, faces)
    return (a * cross(b, c)).sum(axis=-1).sum(axis=-1) / 6


def points_in(vertices: Any, faces: Any, face: Any, u: Any) -> Any:
    """Evenly spread points of given faces, from uniform numbers (Osada et al. 2002, section 3.1).

    `vertices` `(V, 3)`, `face` `(n,)`, `u` `(n, 2)` -> `(n, 3)`, linear in the vertices.
    """
    first, second = u[:, :1] ** 0.5, u[:, 1:]
    a, b, c = corners(vertices, faces[face])
    return (1 - first) * a + first * (1 - second) * b + first * second * c
