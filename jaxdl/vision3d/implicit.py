"""Implicit surfaces: a network of a place says whether it is inside, or how far the surface is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.layers.dense import Dense
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.typing import Array, Host, Tree
from jaxdl.vision3d.fields.marching_cubes import marching_cubes, to_space

TARGETS = ("occupancy", "distance")
BLOCK = 1 << 15  # places that the network is asked about at once


def fourier_features(x: Array, octaves: int) -> Array:
    """sin and cos of pi 2^k x, k < octaves, after x itself (Mildenhall et al. 2020, 2003.08934).

    Eq. 4: `(..., C)` -> `(..., C + 2 C octaves)`.
    """
    angle = x[..., None, :] * (jnp.pi * 2.0 ** jnp.arange(octaves)).reshape(
        *[1] * (x.ndim - 1), octaves, 1
    )
    waves = jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-2)
    waves = waves.reshape(*x.shape[:-1], -1).astype(x.dtype)
    return jnp.concatenate([x, waves], axis=-1)


class ImplicitField(nn.Module):
    """A perceptron of a place, with the place again in its middle (Park et al. 2019, 1901.05103).

    `(..., 3)` -> `(...)`: a logit of being inside (Mescheder et al. 2019, arXiv 1812.03828), or a
    signed distance.
    """

    width: int = 128
    depth: int = 5  # hidden layers
    octaves: int = 4  # of sines and cosines of each coordinate

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        place = fourier_features(x, self.octaves)
        h = place
        for i in range(self.depth):
            if i and i == self.depth // 2:
                h = jnp.concatenate([h, place], axis=-1)
            h = nn.relu(Dense(self.width, name=f"hidden{i}")(h))
        return Dense(1, name="out")(h)[..., 0]


def implicit_loss(output: Array, batch: dict[str, Array], *, target: str, clamp: float) -> Array:
    """One value for each place: `output` `(B,)`, `batch` with `inside` or `distance` `(B,)`.

    occupancy: cross-entropy of the logit; distance: |clamp(f) - clamp(s)|, clamp(x) to [-c, c], so
    that the network spends itself near the surface (Park et al. 2019, eq. 4).
    """
    check_one_of("implicit_loss: target", target, TARGETS)
    if target == "occupancy":
        return binary_cross_entropy(output, batch["inside"].astype(output.dtype))
    check_positive("implicit_loss: clamp", clamp)
    learned, true = (jnp.clip(v, -clamp, clamp) for v in (output, batch["distance"]))
    return jnp.abs(learned - true)


def below_zero_inside(output: Array, target: str) -> Array:
    """The output as a field that is negative inside, whatever its `target`."""
    return -output if target == "occupancy" else output


def extract(field: Callable[[Array], Array], resolution: int, *, bound: float) -> Mesh:
    """The surface of a field that is negative inside, on a grid over [-bound, bound]^3.

    `field` `(n, 3)` -> `(n,)`. Beyond the grid is outside, so that the mesh is closed.
    """
    check_positive("extract: resolution - 1", resolution - 1)
    axis = np.linspace(-bound, bound, resolution, dtype=np.float32)
    places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    values = ask(field, places).reshape([resolution] * 3)
    step = 2 * bound / (resolution - 1)
    return to_space(marching_cubes(values, pad=float(abs(values).max()) + step), -bound, step)


def ask(field: Callable[[Array], Array], places: Host) -> Host:
    """The field at `(n, 3)` places, some at a time in one shape: `(n,)`."""
    size = min(BLOCK, len(places))
    padded = np.pad(places, ((0, -len(places) % size), (0, 0)))
    parts = [np.asarray(field(jnp.asarray(part))) for part in np.split(padded, len(padded) // size)]
    return np.concatenate(parts)[: len(places)]


def field_of(model: nn.Module, variables: Tree, target: str) -> Callable[[Array], Array]:
    """The trained model as a compiled field that is negative inside."""

    def below(variables: Tree, x: Array) -> Array:
        output: Any = model.apply(variables, x, train=False)
        return below_zero_inside(output, target)

    return partial(jax.jit(below), variables)
