"""A radiance field: density and color of places in space (Mildenhall et al. 2020, 2003.08934)."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.meshes.mesh import Mesh
from jaxdl.layers.dense import Dense
from jaxdl.typing import Array, Batch, Host
from jaxdl.vision3d.implicit import fourier_features
from jaxdl.vision3d.surfaces.render import DISTANCE, FOCAL, render
from jaxdl.vision3d.volume_rendering import Seen, composite


class RadianceField(nn.Module):
    """Places `(..., S, 3)` and unit directions of rays `(..., 3)` -> density, color (appendix A).

    `(..., S)` >= 0 and `(..., S, 3)` in [0, 1]: color depends on the direction, density does not.
    The place enters again in the middle. Softplus keeps a gradient where the paper's ReLU has none.
    """

    width: int = 64
    depth: int = 4  # hidden layers before the density
    octaves: int = 5  # of the place
    view_octaves: int = 2  # of the direction

    @nn.compact
    def __call__(self, x: Batch, *, train: bool) -> tuple[Array, Array]:
        place = fourier_features(x["place"], self.octaves)
        h = place
        for i in range(self.depth):
            if i and i == self.depth // 2:
                h = jnp.concatenate([h, place], axis=-1)
            h = nn.relu(Dense(self.width, name=f"hidden{i}")(h))
        # A shift of -1: space is nearly empty at first, so that rays reach what is behind.
        density = nn.softplus(Dense(1, name="density")(h)[..., 0] - 1)
        way = fourier_features(x["way"], self.view_octaves)[..., None, :]
        way = jnp.broadcast_to(way, (*h.shape[:-1], way.shape[-1]))
        seen = jnp.concatenate([Dense(self.width, name="feature")(h), way], axis=-1)
        seen = nn.relu(Dense(self.width // 2, name="color_hidden")(seen))
        return density, nn.sigmoid(Dense(3, name="color")(seen))


def places_along(origin: Array, way: Array, t: Array) -> Array:
    """`(..., 3)`, `(..., 3)`, `(..., S)` -> `(..., S, 3)`."""
    return origin[..., None, :] + t[..., None] * way[..., None, :]


def look_through(field: tuple[Array, Array], t: Array, far: float, background: float) -> Seen:
    """What rays see of a field's density and color, before a ground of one gray in [0, 1]."""
    return composite(*field, t, far, jnp.full(3, background, jnp.float32))


class Rays(NamedTuple):
    """One for each pixel, in the frame of what is looked at."""

    origin: Host  # (size^2, 3)
    way: Host  # (size^2, 3), of length 1


def pixel_rays(size: int, rotation: Host) -> Rays:
    """Of the eye of `surfaces/render.py`, row by row; `rotation` leads to the view."""
    place = (np.arange(size) + 0.5 - size / 2) / (FOCAL * size)
    y, x = np.meshgrid(place, place, indexing="ij")
    way = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
    way = way / np.linalg.norm(way, axis=1, keepdims=True)
    origin = np.broadcast_to(np.array([0, 0, -DISTANCE]) @ rotation, way.shape)
    return Rays(origin.astype(np.float32), (way @ rotation).astype(np.float32))


def view_rows(
    mesh: Mesh, rotation: Host, size: int, *, color: Host, light: Host, ground: int
) -> dict[str, Host]:
    """The rays of a view, `origin` and `way`, and the `color` each sees, `(size^2, 3)` uint8.

    `light` is in the frame of the mesh, so that a place looks alike from everywhere.
    """
    own_light = rotation @ light
    picture = render(mesh, size, rotation=rotation, color=color, light=own_light, ground=ground)
    return {**pixel_rays(size, rotation)._asdict(), "color": picture.reshape(-1, 3)}


def psnr(pictures: Host, truth: Host) -> Host:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]: `(V, H, W, 3)` -> `(V,)`."""
    error = np.mean((np.asarray(pictures, np.float64) - truth) ** 2, axis=(1, 2, 3))
    return -10 * np.log10(np.maximum(error, 1e-12))


def to_bytes(pictures: Array | Host) -> Host:
    """[0, 1] -> uint8."""
    return np.round(255 * np.clip(np.asarray(jax.device_get(pictures)), 0, 1)).astype(np.uint8)
