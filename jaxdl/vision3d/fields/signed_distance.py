"""The signed distance of a mesh: how far its nearest face is, and on which side of it one is."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.data.meshes.mesh import Mesh, is_closed
from jaxdl.ops.nearest_in_space import cross, dot, nearest_triangle
from jaxdl.typing import Array, Host
from jaxdl.vision3d.fields.crossings import winding_below

BLOCK = 256  # points at a time, compared with all faces


def winding_number(mesh: Mesh, points: Host) -> Host:
    """How much of all directions the mesh covers, seen from each point: `(n, 3)` -> `(n,)`.

    The sum of the signed solid angles of the faces over 4 pi (Jacobson et al. 2013, eq. 5; the
    angle of one by van Oosterom & Strackee 1983): 1 inside and 0 outside of a closed mesh, between
    them near the holes of an open one.
    """
    triangles = jnp.asarray(mesh.vertices[mesh.faces], jnp.float32)
    rows = np.asarray(points, np.float32)
    padded = np.pad(rows, ((0, -len(rows) % BLOCK), (0, 0)))
    return np.asarray(_winding(jnp.asarray(padded), triangles))[: len(rows)].astype(np.float64)


@jax.jit
def _winding(points: Array, triangles: Array) -> Array:
    corners = triangles.transpose(1, 2, 0)[:, :, None]  # (3, 3, 1, F): vectors along the faces

    def block(rows: Array) -> Array:
        a, b, c = (corner - rows.T[:, :, None] for corner in corners)
        x, y, z = (jnp.sqrt(dot(v, v)) for v in (a, b, c))
        over = dot(a, cross(b, c))
        under = x * y * z + dot(a, b) * z + dot(b, c) * x + dot(c, a) * y
        return jnp.sum(jnp.arctan2(over, under), axis=1) / (2 * jnp.pi)

    return lax.map(block, points.reshape(-1, BLOCK, 3)).ravel()


def distance(mesh: Mesh, points: Host) -> Host:
    """The distance to the nearest point of the surface: `(n, 3)` -> `(n,)`."""
    squared, _ = nearest_triangle(points, mesh.vertices[mesh.faces])
    return np.sqrt(np.asarray(squared, np.float64))


def signed_distance(mesh: Mesh, points: Host) -> Host:
    """The distance to the surface, negative where the winding number is above one half.

    `(n, 3)` -> `(n,)`. Of a closed mesh the number is counted along lines, of an open one its solid
    angles are added: inside is what its faces mostly surround.
    """
    if is_closed(mesh):
        inside = winding_below(mesh, points) > 0
    else:
        inside = winding_number(mesh, points) > 0.5
    return np.where(inside, -1, 1) * distance(mesh, points)
