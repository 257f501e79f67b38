"""Voxel grids of meshes: `(R, R, R)` bool over the cube [-bound, bound]^3, index x, y, z."""

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.meshes.mesh import Mesh, check_closed
from jaxdl.data.meshes.triangles import cross
from jaxdl.typing import Host
from jaxdl.vision3d.fields.crossings import vertical_crossings

PAIRS = 1 << 18  # triangles and cells that are compared at once


def centers(resolution: int, *, bound: float = 1.0) -> Host:
    """The middles of the cells along one axis, `(R,)`."""
    check_positive("centers: resolution", resolution)
    check_positive("centers: bound", bound)
    return (np.arange(resolution) + 0.5) * (2 * bound / resolution) - bound


def solid_voxels(mesh: Mesh, resolution: int, *, bound: float = 1.0) -> Host:
    """Which cells have their center inside of a closed mesh.

    Along each column of cells the winding number changes where the surface is crossed, so that one
    running sum fills it. Raises DataError where the mesh is open.
    """
    check_closed("solid_voxels", mesh)
    middle = centers(resolution, bound=bound)
    lines = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
    found = vertical_crossings(mesh, lines)
    change = np.zeros((len(lines), resolution + 1), np.int32)
    np.add.at(change, (found.line, np.searchsorted(middle, found.z)), -found.sign)
    return np.cumsum(change, axis=1)[:, :-1].reshape([resolution] * 3) != 0


def surface_voxels(mesh: Mesh, resolution: int, *, bound: float = 1.0) -> Host:
    """Which cells a face touches, by 13 separating axes (Akenine-Möller 2001).

    Where no plane along a face, a side of the cell or two of their edges keeps a triangle and a
    cell apart, they touch. Faces outside of the cube touch nothing.
    """
    side = 2 * bound / resolution
    triangles = (mesh.vertices[mesh.faces] + bound) / side  # in cells
    slack = 1e-9 * resolution
    low = np.clip(np.floor(triangles.min(axis=1) - slack).astype(np.int64), 0, resolution)
    high = np.clip(np.floor(triangles.max(axis=1) + slack).astype(np.int64), -1, resolution - 1)
    span = np.maximum(high - low + 1, 0)
    count = span.prod(axis=1)
    grid = np.zeros(resolution**3, bool)
    ends = np.cumsum(count)
    for chunk in np.split(np.arange(len(count)), np.flatnonzero(np.diff(ends // PAIRS)) + 1):
        face = np.repeat(chunk, count[chunk])
        within = np.arange(len(face)) - np.repeat(
            ends[chunk] - count[chunk] - (ends[chunk[0]] - count[chunk[0]]), count[chunk]
        )
        x, rest = np.divmod(within, span[face, 1] * span[face, 2])
        cell = low[face] + np.stack([x, *np.divmod(rest, span[face, 2])], axis=1)
        hit = touching(triangles[face] - (cell + 0.5)[:, None], 0.5 + slack)
        grid[np.ravel_multi_index(tuple(cell[hit].T), [resolution] * 3)] = True
    return grid.reshape([resolution] * 3)


def touching(triangles: Host, half: float) -> Host:
    """Whether triangles `(n, 3, 3)` touch the cube of half a side at the origin, `(n,)` bool."""
    edges = np.roll(triangles, -1, axis=1) - triangles
    apart = (triangles.min(axis=1) > half).any(axis=1) | (triangles.max(axis=1) < -half).any(axis=1)
    normal = cross(edges[:, 0], edges[:, 1])
    apart |= np.abs((normal * triangles[:, 0]).sum(axis=1)) > half * np.abs(normal).sum(axis=1)
    for axis in range(3):
        along = np.eye(3)[axis]
        for edge in range(3):
            direction = cross(np.broadcast_to(along, edges[:, edge].shape), edges[:, edge])
            shadow = np.einsum("nci,ni->nc", triangles, direction)
            reach = half * np.abs(direction).sum(axis=1)
            apart |= (shadow.min(axis=1) > reach) | (shadow.max(axis=1) < -reach)
    return ~apart
