"""Where vertical lines cross a mesh: what voxels and points are inside, exactly counted."""

from typing import NamedTuple

import numpy as np

from jaxdl.data.meshes.mesh import Mesh, check_closed
from jaxdl.typing import Host

PAIRS = 1 << 21  # lines and triangles that are compared at once


class Crossings(NamedTuple):
    """Where lines meet faces, `(c,)` each; the sign is that of the face's normal along z."""

    line: Host
    face: Host
    z: Host
    sign: Host


def vertical_crossings(mesh: Mesh, lines: Host, *, cells: int = 0) -> Crossings:
    """All crossings of the lines `(x, y)` `(n, 2)` along z.

    A line through an edge or a vertex is taken as
    moved a little, by the same infinitely small amount for all faces (Edelsbrunner & Mücke 1990),
    so that a closed surface is crossed as often upwards as downwards. Triangles are looked up in
    `cells` x `cells` buckets (0: by their number).
    """
    cells = cells or int(np.clip(np.sqrt(len(mesh.faces)), 1, 512))
    first, count, order = _buckets(mesh, cells)
    low, step = _frame(mesh, cells)
    cell = np.floor((lines - low) / step).astype(np.int64)
    near = ((cell >= 0) & (cell < cells)).all(axis=1)
    number = cell[:, 0] * cells + cell[:, 1]
    pairs = np.where(near, count[number * near], 0)
    parts = []
    for chunk in _chunks(pairs):
        line = np.repeat(chunk, pairs[chunk])
        within = np.arange(len(line)) - np.repeat(
            np.cumsum(pairs[chunk]) - pairs[chunk], pairs[chunk]
        )
        face = order[first[number[line]] + within]
        parts.append(_cross(mesh, face, line, lines))
    return Crossings(*map(np.concatenate, zip(*parts, strict=True)))


def winding_below(mesh: Mesh, points: Host) -> Host:
    """How often a closed mesh winds around each point, `(n, 3)` -> `(n,)` int; 0 is outside."""
    check_closed("winding_below", mesh)
    found = vertical_crossings(mesh, points[:, :2])
    above = found.z > points[found.line, 2]
    winding = np.bincount(found.line[above], found.sign[above], minlength=len(points))
    return winding.astype(np.int64)


def contains(mesh: Mesh, points: Host) -> Host:
    """Whether points lie inside of a closed mesh, `(n, 3)` -> `(n,)` bool.

    Raises DataError where the mesh is open.
    """
    return winding_below(mesh, points) != 0


def _frame(mesh: Mesh, cells: int) -> tuple[Host, Host]:
    low, high = mesh.vertices.min(axis=0)[:2], mesh.vertices.max(axis=0)[:2]
    margin = 1e-9 + 1e-9 * (high - low)
    return low - margin, (high - low + 2 * margin) / cells


def _buckets(mesh: Mesh, cells: int) -> tuple[Host, Host, Host]:
    """Faces by cell of the plane: where a cell's begin in the order, how many, and the order."""
    low, step = _frame(mesh, cells)
    flat = mesh.vertices[mesh.faces][:, :, :2]
    from_cell, to_cell = (
        np.clip(np.floor((end - low) / step).astype(np.int64), 0, cells - 1)
        for end in (flat.min(axis=1), flat.max(axis=1))
    )
    span = to_cell - from_cell + 1
    count = span.prod(axis=1)
    face = np.repeat(np.arange(len(flat)), count)
    within = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    x = from_cell[face, 0] + within // span[face, 1]
    y = from_cell[face, 1] + within % span[face, 1]
    cell = x * cells + y
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell, minlength=cells * cells)
    return np.cumsum(counts) - counts, counts, face[order]


def _chunks(pairs: Host) -> list[Host]:
    """Numbers of lines in groups of about `PAIRS` pairs."""
    group = np.cumsum(pairs) // PAIRS
    return np.split(np.arange(len(pairs)), np.flatnonzero(np.diff(group)) + 1)


def _cross(mesh: Mesh, face: Host, line: Host, lines: Host) -> Crossings:
    """Which of the pairs of a face and a line cross."""
    corner = mesh.faces[face]
    place = lines[line]
    turn = [_side(mesh, corner[:, i], corner[:, (i + 1) % 3], place) for i in range(3)]
    hit = (turn[0] == turn[1]) & (turn[1] == turn[2]) & (turn[0] != 0)
    a, b, c = mesh.vertices[corner[hit]].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    away = (place[hit] - a[:, :2]) * normal[:, :2]
    # A face on edge is hit by a moved line only: any height of it will do.
    steep = normal[:, 2] == 0
    z = a[:, 2] - away.sum(axis=1) / np.where(steep, 1, normal[:, 2])
    low, high = (end(mesh.vertices[corner[hit], 2], axis=1) for end in (np.min, np.max))
    z = np.clip(np.where(steep, low, z), low, high)
    return Crossings(line[hit], face[hit], z, turn[0][hit])


def _side(mesh: Mesh, start: Host, end: Host, place: Host) -> Host:
    """1 where the place is left of the edge, -1 to the right; both faces of an edge agree."""
    turned = np.where(start < end, 1, -1)
    p = mesh.vertices[np.minimum(start, end), :2]
    d = mesh.vertices[np.maximum(start, end), :2] - p
    away = place - p
    side = np.sign(d[:, 0] * away[:, 1] - d[:, 1] * away[:, 0])
    on_it = side == 0
    side[on_it] = np.where(d[on_it, 1] != 0, -np.sign(d[on_it, 1]), np.sign(d[on_it, 0]))
    return (side * turned).astype(np.int64)
