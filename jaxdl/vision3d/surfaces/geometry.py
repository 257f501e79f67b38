"""Geometry of meshes that gradients go through: the faces are fixed, vertices are `(..., V, 3)`."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.data.meshes.triangles import area_vectors, areas, points_in
from jaxdl.typing import Array, Host, Key

TINY = 1e-20  # below a length squared: keeps the gradient of a root finite


def unit_normals(vertices: Array, faces: Host) -> Array:
    """Outward unit normals of faces: `(..., V, 3)`, `(F, 3)` -> `(..., F, 3)`."""
    vectors = area_vectors(vertices, faces)
    return vectors / jnp.sqrt(jnp.sum(vectors**2, axis=-1, keepdims=True) + TINY)


def edge_lengths(vertices: Array, edges: Host) -> Array:
    """`(..., V, 3)`, `(E, 2)` -> `(..., E)`."""
    ways = vertices[..., edges[:, 0], :] - vertices[..., edges[:, 1], :]
    return jnp.sqrt(jnp.sum(ways**2, axis=-1) + TINY)


def neighbor_mean(values: Array, edges: Host) -> Array:
    """The mean over the neighbors of each vertex: `(..., V, C)`, `(E, 2)` -> `(..., V, C)`.

    A vertex without a neighbor gets zeros.
    """
    count = values.shape[-2]
    ends = jnp.concatenate([edges[:, 0], edges[:, 1]])
    others = jnp.concatenate([edges[:, 1], edges[:, 0]])
    degree = jnp.zeros(count, values.dtype).at[ends].add(1)
    total = jnp.zeros_like(values).at[..., ends, :].add(values[..., others, :])
    return total / jnp.maximum(degree, 1).reshape(*[1] * (values.ndim - 2), count, 1)


def laplacian(vertices: Array, edges: Host) -> Array:
    """The way from each vertex to the mean of its neighbors (Taubin 1995): `(..., V, 3)`."""
    return neighbor_mean(vertices, edges) - vertices


def sample_points(
    key: Key, vertices: Array, faces: Host, count: int, *, there: Array | None = None
) -> tuple[Array, Array]:
    """Points spread evenly by area, and their faces: `(V, 3)` -> `(count, 3)`, `(count,)`.

    Gradients reach the vertices through the points; which face is chosen has none. Only faces
    that are `there` `(F,)` bool, by default all, get points; where none is, points mean nothing.
    """
    check_rank("sample_points: vertices", vertices, 2)
    u = jax.random.uniform(key, (count, 3), jnp.float32)
    area = jax.lax.stop_gradient(areas(vertices, faces))
    share = jnp.cumsum(area if there is None else jnp.where(there, area, 0))
    face = jnp.searchsorted(share, u[:, 0] * share[-1], side="right")
    face = jnp.minimum(face, len(faces) - 1)
    return points_in(vertices, jnp.asarray(faces), face, u[:, 1:]), face
