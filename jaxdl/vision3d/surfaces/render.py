"""Shaded pictures of meshes by a rasterizer in NumPy: no window, no OpenGL."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.meshes.mesh import Mesh, face_normals, unit
from jaxdl.typing import Host
from jaxdl.vision3d.fields.crossings import vertical_crossings

DISTANCE, FOCAL = 2.5, 1.15  # of the eye from the center, and over the picture's side
LIGHT = unit(np.array([-0.4, -0.8, -0.9]))
COLOR = np.array([150, 175, 205])
BACKGROUND = 25


def rasterize(mesh: Mesh, size: int, *, distance: float = DISTANCE) -> tuple[Host, Host]:
    """Depth along z `(size, size)`, 0 where nothing is, and faces, -1 there, of the nearest.

    The eye is `distance` before the origin and looks along z, x to the right, y down, as in the
    synthetic solids' pictures. 1 / z is linear over the picture of a face, so that a ray meets a
    face where a line along z meets its image (x / z, y / z, 1 / z).
    """
    check_positive("rasterize: size", size)
    depth = mesh.vertices[:, 2] + distance
    if len(depth) and depth.min() <= 0:
        raise ValueError(f"rasterize: the mesh reaches behind the eye; put it beyond {distance}")
    image = np.concatenate([mesh.vertices[:, :2], np.ones((len(depth), 1))], 1) / depth[:, None]
    place = (np.arange(size) + 0.5 - size / 2) / (FOCAL * size)
    lines = np.stack(np.meshgrid(place, place), axis=-1).reshape(-1, 2)
    near, face = np.zeros(size * size), np.full(size * size, -1)
    if len(mesh.faces):
        found = vertical_crossings(Mesh(image, mesh.faces), lines)
        order = np.argsort(found.z, kind="stable")  # the nearest is written last
        near[found.line[order]] = found.z[order]
        face[found.line[order]] = found.face[order]
    depth = np.where(near > 0, 1 / np.where(near > 0, near, 1), 0)
    return depth.reshape(size, size), face.reshape(size, size)


def render(
    mesh: Mesh,
    size: int,
    *,
    rotation: Host | None = None,
    distance: float = DISTANCE,
    smooth: int = 2,
    color: Host = COLOR,
    light: Host = LIGHT,
    ground: int = BACKGROUND,
) -> Host:
    """A shaded picture `(size, size, 3)` uint8 of the mesh, turned first.

    Each pixel is the mean of `smooth` x `smooth`. Faces are seen from both sides. `color` `(3,)`,
    or `(F, 3)` of each face, in 0..255; `light`: the way to it `(3,)`, of length 1, in the view;
    `ground`: the gray where nothing is.
    """
    turned = Mesh(mesh.vertices @ (np.eye(3) if rotation is None else rotation).T, mesh.faces)
    depth, face = rasterize(turned, size * smooth, distance=distance)
    facing = face_normals(turned)[face] if len(mesh.faces) else np.zeros((*face.shape, 3))
    facing = np.where(facing[..., 2:] > 0, -facing, facing)
    lit = 0.3 + 0.7 * np.maximum(facing @ light, 0)
    own = color[face] if color.ndim == 2 and len(color) else color
    picture = np.where((depth > 0)[..., None], own * lit[..., None], ground)
    cells = picture.reshape(size, smooth, size, smooth, 3).mean(axis=(1, 3))
    return np.clip(cells, 0, 255).astype(np.uint8)


def around(angle: float, *, tilt: float = 0.35) -> Host:
    """The turn that shows a thing whose y axis is up from one side and a little above, `(3, 3)`."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    up = np.diag([1.0, -1.0, -1.0])  # y is down in pictures
    c, s = np.cos(tilt), np.sin(tilt)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ up @ turn


def turntable(
    meshes: Sequence[Mesh],
    path: Path,
    *,
    size: int = 160,
    frames: int = 24,
    distance: float = DISTANCE,
) -> Path:
    """Writes an animated GIF of meshes side by side that turn once around."""
    from PIL import Image

    check_positive("turntable: frames", frames)
    pictures = []
    for frame in range(frames):
        rotation = around(2 * np.pi * frame / frames)
        views = [render(m, size, rotation=rotation, distance=distance) for m in meshes]
        pictures.append(Image.fromarray(np.concatenate(views, axis=1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=80, loop=0)
    return path
