"""What keeps the surface of a predicted mesh smooth and even; vertices are `(B, V, 3)`."""

import jax.numpy as jnp

from jaxdl.losses.depth import cosine
from jaxdl.typing import Array, Host
from jaxdl.vision3d.surfaces.geometry import laplacian, unit_normals


def edge_loss(vertices: Array, edges: Host) -> Array:
    """The mean squared length of edges (Wang et al. 2018, 1804.01654, section 3.4): `(B,)`."""
    ways = vertices[:, edges[:, 0]] - vertices[:, edges[:, 1]]
    return jnp.mean(jnp.sum(ways**2, axis=-1), axis=-1)


def laplacian_loss(vertices: Array, before: Array, edges: Host) -> Array:
    """mean |delta' - delta|^2, delta the way to the mean neighbor (as above): `(B,)`.

    Neighbors move together: what a deformation does to a vertex it does to those around it.
    """
    change = laplacian(vertices, edges) - laplacian(before, edges)
    return jnp.mean(jnp.sum(change**2, axis=-1), axis=-1)


def normal_loss(vertices: Array, edges: Host, normals: Array) -> Array:
    """mean over edges (p, k), both ways, of cos^2 between p - k and the true normal at p: `(B,)`.

    An edge of the surface is at right angles to its normal (as above, normalized as in the authors'
    program). `normals` `(B, V, 3)`: of the true points nearest to the vertices.
    """
    ends = jnp.concatenate([edges[:, 0], edges[:, 1]])
    others = jnp.concatenate([edges[:, 1], edges[:, 0]])
    return jnp.mean(cosine(vertices[:, ends] - vertices[:, others], normals[:, ends]) ** 2, axis=-1)


def bend_loss(vertices: Array, faces: Host, adjacent: Host) -> Array:
    """mean 1 - cos between the normals of faces that share an edge: `(B,)`, 0 for a plane.

    `adjacent` `(A, 2)`: pairs of faces, as `adjacent_faces` gives them.
    """
    normals = unit_normals(vertices, faces)
    return jnp.mean(1 - cosine(normals[:, adjacent[:, 0]], normals[:, adjacent[:, 1]]), axis=-1)


def turned_faces(vertices: Array, faces: Host, face: Array, normals: Array) -> Array:
    """mean of 1 - cos^2 between normals of faces, given by number, and true ones: `(B,)`.

    `face` `(B, S)`, `normals` `(B, S, 3)` (as Mesh R-CNN, arXiv 1906.02739, section 3.4).
    """
    own = jnp.take_along_axis(unit_normals(vertices, faces), face[..., None], axis=1)
    return jnp.mean(1 - jnp.sum(own * normals, axis=-1) ** 2, axis=-1)
