"""Marching cubes (Lorensen & Cline 1987): the surface where a field on a grid has one value."""

import numpy as np

from jaxdl.checks import check_rank
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.typing import Host
from jaxdl.vision3d.fields.cell_cases import CORNERS, EDGES, case_table


def marching_cubes(field: Host, level: float = 0.0, *, pad: float | None = None) -> Mesh:
    """The surface around what is below `level`, in units of the grid: `(X, Y, Z)` -> mesh.

    Faces turn away from the inside. The surface is closed but where it leaves the grid; `pad`
    surrounds the grid with that value first, so that with one above `level` it is closed always.
    For an occupancy, give its negative. Raises ValueError where a value is not finite.
    """
    check_rank("marching_cubes: field", field, 3)
    field = np.asarray(field, np.float64 if field.dtype == np.float64 else np.float32)
    if min(field.shape) < 2 and pad is None:
        raise ValueError(f"marching_cubes: field must be 2 wide and more, got {field.shape}")
    if not np.isfinite(field).all():
        raise ValueError("marching_cubes: field must be finite; it has NaN or infinity")
    if pad is not None:
        field = np.pad(field, 1, constant_values=pad)
    inside = field < level
    cells, case = _crossed_cells(inside)
    table, count = case_table()
    vertices, number_of = _vertices(field, inside, level)
    cell = np.repeat(np.arange(len(case)), count[case])
    within = np.arange(len(cell)) - np.repeat(np.cumsum(count[case]) - count[case], count[case])
    edge = table[case[cell], within]  # (F, 3)
    strides = np.array([field.shape[1] * field.shape[2], field.shape[2], 1])
    offset = np.array([axis * field.size + np.dot(base, strides) for axis, base in EDGES])
    faces = number_of[(cells[cell] @ strides)[:, None] + offset[edge]]
    return Mesh(vertices - (pad is not None), faces)


def _crossed_cells(inside: Host) -> tuple[Host, Host]:
    """Cells with corners of both kinds `(n, 3)`, and which corners are inside, as bits `(n,)`."""
    bits = inside.view(np.uint8)
    case = np.zeros([size - 1 for size in inside.shape], np.uint8)
    for i, (x, y, z) in enumerate(CORNERS):
        part = bits[x : x + case.shape[0], y : y + case.shape[1], z : z + case.shape[2]]
        case |= part << i
    crossed = np.flatnonzero((case + 1).astype(np.uint8) > 1)  # neither 255 nor 0
    cells = np.stack(np.unravel_index(crossed, case.shape), axis=1)
    return cells, case.ravel()[crossed].astype(np.int64)


def _vertices(field: Host, inside: Host, level: float) -> tuple[Host, Host]:
    """Where edges of the grid are crossed, by linear interpolation; and their numbers by edge."""
    number_of = np.full(3 * field.size, -1, np.int64)
    pieces, total = [], 0
    flat = field.ravel()
    for axis, stride in enumerate((field.shape[1] * field.shape[2], field.shape[2], 1)):
        ahead = tuple(slice(1 if i == axis else 0, None) for i in range(3))
        behind = tuple(slice(0, -1 if i == axis else None) for i in range(3))
        crossed = np.zeros(field.shape, bool)
        np.not_equal(inside[ahead], inside[behind], out=crossed[behind])
        start = np.flatnonzero(crossed)
        a, b = flat[start].astype(np.float64), flat[start + stride].astype(np.float64)
        points = np.stack(np.unravel_index(start, field.shape), axis=1).astype(np.float64)
        points[:, axis] += (level - a) / (b - a)
        number_of[axis * field.size + start] = total + np.arange(len(start))
        total += len(start)
        pieces.append(points)
    return np.concatenate(pieces), number_of


def to_space(mesh: Mesh, low: Host | float, step: Host | float) -> Mesh:
    """From units of the grid to space: grid point 0 is at `low`, its neighbors `step` away."""
    return Mesh(low + mesh.vertices * step, mesh.faces)
