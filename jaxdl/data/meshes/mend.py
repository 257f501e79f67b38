"""Broken meshes: what can be left out is left out and counted."""

from collections.abc import Mapping

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.meshes.mesh import Mesh, check_indices, openings
from jaxdl.data.meshes.triangles import areas
from jaxdl.typing import Host


def mend(vertices: Host, faces: Host, *, who: str = "mesh") -> tuple[Mesh, Mapping[str, int]]:
    """The mesh without what is broken, and counts of what was found.

    Left out, in this order: `not_finite` vertices and their faces; `merged` vertices at one place;
    `degenerate` faces, which name a vertex twice or have no area; `repeated` faces; `unused`
    vertices. Counted and left: edges at `holes`, `crowded` ones of more than two faces, `turned`
    ones between faces that turn against each other. Counts of 0 are not listed.

    Raises DataError where a face names a vertex that is not there, or no face is left.
    """
    vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    check_indices(who, faces, len(vertices))
    finite = np.asarray(np.isfinite(vertices).all(axis=1))
    faces = faces[finite[faces].all(axis=1)]
    places, number = np.unique(vertices[finite] + 0.0, axis=0, return_inverse=True)  # -0 is 0
    renumbered = np.zeros(len(vertices), np.int64)
    renumbered[finite] = number.ravel()
    counts = {"not_finite": int((~finite).sum()), "merged": int(finite.sum()) - len(places)}
    faces = renumbered[faces]
    whole = np.flatnonzero(np.all(faces != np.roll(faces, 1, axis=1), axis=1))
    whole = whole[areas(places, faces[whole]) > 0]
    counts["degenerate"] = len(faces) - len(whole)
    faces = faces[whole]
    first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)[1]
    counts["repeated"] = len(faces) - len(first)
    faces = faces[np.sort(first)]
    if not len(faces):
        raise DataError(f"{who}: no face of the mesh can be used ({_listed(counts)})")
    used, faces = np.unique(faces, return_inverse=True)
    counts["unused"] = len(places) - len(used)
    mesh = Mesh(places[used], faces.reshape(-1, 3))
    found = openings(mesh)
    counts |= {"holes": found.open, "crowded": found.crowded, "turned": found.turned}
    return mesh, {name: count for name, count in counts.items() if count}


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none given"
