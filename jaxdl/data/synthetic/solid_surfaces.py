"""Four solids by formula: signed distance, normals, even points and closed meshes.

A solid is `(m, 3)` numbers of one kind, centered at the origin, its axis along z:
sphere (radius, -, -), box (half sizes), cylinder (radius, half height, -), torus (ring, tube, -).
"""

import numpy as np

from jaxdl.typing import Host

KINDS = ("sphere", "box", "cylinder", "torus")
LOW = np.array([[0.45, 0, 0], [0.25, 0.25, 0.25], [0.25, 0.3, 0], [0.45, 0.12, 0]])
HIGH = np.array([[0.9, 0, 0], [0.52, 0.52, 0.52], [0.5, 0.7, 0], [0.6, 0.3, 0]])


def signed_distance(kind: int, solids: Host, points: Host) -> Host:
    """The exact distance to the surface, negative inside: `(m, 3)`, `(m, n, 3)` -> `(m, n)`."""
    a, b, _ = solids.T[:, :, None]
    x, y, z = np.moveaxis(points, -1, 0)
    if KINDS[kind] == "sphere":
        return np.sqrt(x**2 + y**2 + z**2) - a
    if KINDS[kind] == "torus":
        return np.hypot(np.hypot(x, y) - a, z) - b
    if KINDS[kind] == "cylinder":
        beyond = np.stack([np.hypot(x, y) - a, np.abs(z) - b], axis=-1)
    else:
        beyond = np.abs(points) - solids[:, None]
    return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0)


def normals_at(kind: int, solids: Host, points: Host) -> Host:
    """The outward unit normals at points of the surface: `(m, n, 3)`; an edge takes one side's."""
    a, b, _ = solids.T[:, :, None]
    x, y, z = np.moveaxis(points, -1, 0)
    around = np.hypot(x, y)
    outward = points.copy()
    if KINDS[kind] == "torus":
        outward[..., :2] *= (1 - a / around)[..., None]
    elif KINDS[kind] == "cylinder":
        cap = np.abs(z) - b > around - a
        outward[..., :2] *= ~cap[..., None]
        outward[..., 2] *= cap
    elif KINDS[kind] == "box":
        side = np.abs(points) - solids[:, None]
        outward = np.sign(points) * (side == side.max(axis=-1, keepdims=True))
    return outward / np.linalg.norm(outward, axis=-1, keepdims=True)


def surface_points(kind: int, solids: Host, u: Host) -> Host:
    """Points spread evenly by area, from uniform numbers `(m, n, 3)`: `(m, n, 3)`."""
    a, b, _ = solids.T[:, :, None]
    if KINDS[kind] == "box":
        return box_points(solids, u)
    angle = 2 * np.pi * u[..., 0]
    if KINDS[kind] == "sphere":
        z = 2 * u[..., 1] - 1
        radius, z = a * np.sqrt(1 - z**2), a * z
    elif KINDS[kind] == "cylinder":
        # Unrolled by area: the bottom cap, the side, the top cap.
        place = u[..., 1] * (2 * a * b + a**2)  # pi of the half area is left out
        z = np.clip((place - a**2 / 2) / a - b, -b, b)
        radius = np.where(np.abs(z) < b, a, a * np.sqrt(u[..., 2]))
    else:
        turn = torus_angle(u[..., 1], b / a)
        radius, z = a + b * np.cos(turn), b * np.sin(turn)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)


def box_points(solids: Host, u: Host) -> Host:
    """Even points of boxes: a face by its area, then a place on it."""
    area = np.repeat(solids[:, [1, 2, 0]] * solids[:, [2, 0, 1]], 2, axis=1)  # -x, x, -y, ...
    share = np.cumsum(area, axis=1) / area.sum(axis=1, keepdims=True)
    face = (u[..., 2:] > share[:, None, :5]).sum(axis=-1)  # (m, n)
    side, p, q = face % 2 * 2.0 - 1, 2 * u[..., 0] - 1, 2 * u[..., 1] - 1
    each = np.stack([np.stack(c, axis=-1) for c in ([side, p, q], [q, side, p], [p, q, side])])
    return np.take_along_axis(each, (face // 2)[None, ..., None], axis=0)[0] * solids[:, None]


def torus_angle(u: Host, ratio: Host) -> Host:
    """The angle around the tube with density 1 + ratio cos: inverse by Newton's rule."""
    angle = 2 * np.pi * u
    for _ in range(30):
        error = angle + ratio * np.sin(angle) - 2 * np.pi * u
        angle = angle - error / (1 + ratio * np.cos(angle))
    return angle


def mesh(kind: int, solids: Host, cells: int) -> tuple[Host, Host]:
    """Vertices `(m, V, 3)` on the surface and faces `(12 cells^2, 3)`, counter-clockwise outside.

    V is 6 cells^2, and 2 more for all but the torus, which is a grid of 3 cells x 2 cells.
    """
    if KINDS[kind] == "torus":
        ring, faces = torus_grid(cells)
        a, b, _ = solids.T[:, :, None]
        radius = a + b * np.cos(ring[:, 1])
        vertices = [radius * np.cos(ring[:, 0]), radius * np.sin(ring[:, 0])]
        return np.stack([*vertices, b * np.sin(ring[:, 1])], axis=-1), faces
    cube, faces = cube_grid(cells)
    if KINDS[kind] == "sphere":
        ball = np.tan(cube * np.pi / 4)  # makes the cells of one size, nearly
        ball /= np.linalg.norm(ball, axis=1, keepdims=True)
        return ball * solids[:, None, :1], faces
    if KINDS[kind] == "cylinder":
        radius = np.abs(cube[:, :2]).max(axis=1)
        along = np.maximum(np.hypot(cube[:, 0], cube[:, 1]), 1e-12)
        disc = cube[:, :2] * (radius / along)[:, None]  # squares become circles
        return np.concatenate([disc, cube[:, 2:]], axis=1) * solids[:, None, [0, 0, 1]], faces
    return cube * solids[:, None], faces


def cube_grid(cells: int) -> tuple[Host, Host]:
    """The surface of the cube [-1, 1]^3 in `cells` x `cells` squares a side, two triangles each."""
    steps = np.arange(cells + 1)
    i, j = (g.ravel() for g in np.meshgrid(steps, steps, indexing="ij"))
    corner = (steps[:-1, None] * (cells + 1) + steps[None, :-1]).ravel()
    quads = np.stack([corner, corner + cells + 1, corner + cells + 2, corner + 1], axis=1)
    points, squares = [], []
    for axis in range(3):
        for end in (0, cells):
            # The order of the two axes decides which side is outside.
            first, second = (i, j) if end else (j, i)
            side = np.empty((len(i), 3), np.int64)
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = end, first, second
            squares.append(quads + len(points) * len(i))
            points.append(side)
    unique, number = np.unique(np.concatenate(points), axis=0, return_inverse=True)
    return unique * (2.0 / cells) - 1, triangles(number.ravel()[np.concatenate(squares)])


def torus_grid(cells: int) -> tuple[Host, Host]:
    """Angles (around the ring, around the tube) `(6 cells^2, 2)` and faces."""
    m, k = 3 * cells, 2 * cells
    i, j = (g.ravel() for g in np.meshgrid(np.arange(m), np.arange(k), indexing="ij"))
    after_i, after_j = (i + 1) % m, (j + 1) % k
    quads = np.stack([i * k + j, after_i * k + j, after_i * k + after_j, i * k + after_j], axis=1)
    return np.stack([i / m, j / k], axis=1) * 2 * np.pi, triangles(quads)


def triangles(quads: Host) -> Host:
    """Each square as two triangles that turn the same way: `(q, 4)` -> `(2 q, 3)` int32."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
