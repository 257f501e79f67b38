"""A pinhole camera: depth maps, point clouds, normals. x right, y down, z away from the eye.

Intrinsics are a matrix `(3, 3)`, in pixels: [[f_x, 0, c_x], [0, f_y, c_y], [0, 0, 1]]; the pixel
of row v and column u has its center at (u + 1/2, v + 1/2). Depth is along z, 0 where nothing is.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.ops.nearest_in_space import cross
from jaxdl.typing import Array, ArrayLike


def intrinsics(height: int, width: int, *, focal: float) -> Array:
    """Of a camera whose axis goes through the middle; `focal` in pixels."""
    return jnp.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], jnp.float32)


def rays(height: int, width: int, camera: ArrayLike) -> Array:
    """Directions through the centers of the pixels, z = 1: `(H, W, 3)`."""
    u, v = jnp.meshgrid(*(jnp.arange(n, dtype=jnp.float32) + 0.5 for n in (width, height)))
    y = (v - camera[1, 2]) / camera[1, 1]
    x = (u - camera[0, 2] - camera[0, 1] * y) / camera[0, 0]
    return jnp.stack([x, y, jnp.ones_like(x)], axis=-1)


@jax.jit
def unproject(depth: Array, camera: ArrayLike) -> Array:
    """Depth maps to points: `(..., H, W)`, `(3, 3)` -> `(..., H, W, 3)`; no depth gives the eye."""
    height, width = depth.shape[-2:]
    shape = (*[1] * (depth.ndim - 2), height, width, 3)
    return rays(height, width, camera).reshape(shape) * depth[..., None]


@jax.jit
def project(points: Array, camera: ArrayLike) -> tuple[Array, Array]:
    """Places in the picture `(..., 2)` (u, v) and depths `(...)` of points `(..., 3)`.

    Points in the plane of the eye or behind it have depth <= 0 and no place (NaN).
    """
    depth = points[..., 2]
    ahead = depth > 0
    over = points / jnp.where(ahead, depth, 1)[..., None]
    place = jnp.matmul(over, jnp.asarray(camera, over.dtype)[:2].T, precision="highest")
    return jnp.where(ahead[..., None], place, jnp.nan), depth


def depth_of_points(points: Array, camera: ArrayLike, *, height: int, width: int) -> Array:
    """The depth map of a cloud `(N, 3)`: the nearest point in each pixel `(H, W)`, 0 for none."""
    check_rank("depth_of_points: points", points, 2)
    place, depth = project(points, camera)
    u, v = jnp.floor(jnp.nan_to_num(place, nan=-1.0)).astype(jnp.int32).T
    seen = (depth > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    pixel = jnp.where(seen, v * width + u, height * width)
    nearest = jnp.full(height * width + 1, jnp.inf).at[pixel].min(depth)[:-1]
    return jnp.where(jnp.isfinite(nearest), nearest, 0).reshape(height, width)


@jax.jit
def normals_from_depth(depth: Array, camera: ArrayLike) -> tuple[Array, Array]:
    """Unit normals towards the eye `(..., H, W, 3)` and where there are any, `(..., H, W)` bool.

    The vector product of the ways to the next points right and below; at an end of the surface, on
    the side where it goes on. Where both neighbors are there, the one of more equal depth is taken,
    so that a normal does not reach over an edge.
    """
    there = depth > 0
    points = unproject(depth, camera)
    across, has_across = _step(points, there, -2)
    down, has_down = _step(points, there, -3)
    normal = jnp.stack(cross(jnp.moveaxis(down, -1, 0), jnp.moveaxis(across, -1, 0)), axis=-1)
    length = jnp.sqrt(jnp.sum(normal**2, axis=-1, keepdims=True))
    known = there & has_across & has_down & (length[..., 0] > 0)
    normal = normal / jnp.where(length > 0, length, 1)
    away = jnp.sum(normal * points, axis=-1, keepdims=True) > 0
    return jnp.where(known[..., None], jnp.where(away, -normal, normal), 0), known


def _step(points: Array, there: Array, axis: int) -> tuple[Array, Array]:
    """The way to the neighbor along an axis, forward, and whether there is one."""
    ways, known = [], []
    for shift in (-1, 1):
        neighbor = jnp.roll(points, shift, axis)
        beyond = jnp.roll(there, shift, axis + 1)
        place = lax.broadcasted_iota(jnp.int32, there.shape, there.ndim + 1 + axis)
        end = 0 if shift == 1 else there.shape[axis + 1] - 1
        known.append(beyond & (place != end))
        ways.append(-shift * (neighbor - points))
    steps = [jnp.where(k, jnp.abs(w[..., 2]), jnp.inf) for k, w in zip(known, ways, strict=True)]
    forward = (steps[0] <= steps[1])[..., None]
    return jnp.where(forward, ways[0], ways[1]), known[0] | known[1]
