"""Depth and normal pictures of the solids by tracing rays: x right, y down, z away from the eye."""

import numpy as np

from jaxdl.data.synthetic.compositions import normals_at, signed_distance
from jaxdl.typing import Host

DISTANCE = 2.5  # from the eye to the solid's center
FOCAL = 1.15  # focal length over the picture's side: what is within 0.9 of the center is seen
BOUND = 0.91  # no solid reaches further from its center
CLOSE = 1e-6  # a ray this near to the surface has met it


def rays(size: int) -> Host:
    """Directions through the pixels' centers, z component 1: `(size * size, 3)`."""
    place = (np.arange(size) + 0.5 - size / 2) / (FOCAL * size)
    y, x = np.meshgrid(place, place, indexing="ij")
    return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)


def look(kind: int, solids: Host, rotation: Host, size: int) -> tuple[Host, Host]:
    """Depth along z `(m, size, size)`, 0 where nothing is, and normals `(m, size, size, 3)`.

    `rotation` `(m, 3, 3)` brings the solid from its own frame to the eye's, but for the distance.
    """
    ray = rays(size)
    length = np.linalg.norm(ray, axis=1)
    # In the solid's own frame: it stays, the eye moves.
    eye = np.einsum("mij,i->mj", rotation, np.array([0.0, 0.0, -DISTANCE]))
    way = np.einsum("mij,ni->mnj", rotation, ray / length[:, None])
    traveled = trace(kind, solids, eye, way)
    hit = np.isfinite(traveled)
    points = eye[:, None] + np.where(hit, traveled, 1.0)[..., None] * way
    normals = np.einsum("mij,mnj->mni", rotation, normals_at(kind, solids, points))
    depth = np.where(hit, traveled / length[None], 0.0)
    shape = (len(solids), size, size)
    return depth.reshape(shape), (normals * hit[..., None]).reshape(*shape, 3)


def trace(kind: int, solids: Host, eye: Host, way: Host) -> Host:
    """How far each ray goes to the surface (Hart 1996): `(m, 3)`, `(m, n, 3)` -> `(m, n)`.

    Infinite where it misses. A step as long as the distance to the surface never passes it.
    """
    middle = -np.einsum("mj,mnj->mn", eye, way)  # nearest to the center
    chord = BOUND**2 - (eye**2).sum(axis=1)[:, None] + middle**2
    half = np.sqrt(np.maximum(chord, 0))
    solid, ray = np.nonzero(chord > 0)
    traveled, end = middle - half, middle + half
    result = np.full(way.shape[:2], np.inf)
    for _ in range(400):
        place = eye[solid] + traveled[solid, ray, None] * way[solid, ray]
        away = signed_distance(kind, solids[solid], place[:, None])[:, 0]
        met = away < CLOSE
        result[solid[met], ray[met]] = traveled[solid[met], ray[met]]
        traveled[solid, ray] += away
        going = ~met & (traveled[solid, ray] < end[solid, ray])
        solid, ray = solid[going], ray[going]
        if not len(solid):
            break
    return result
