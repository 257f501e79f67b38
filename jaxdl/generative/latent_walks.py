"""Walks through a latent space, and what they show, as one picture."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxdl.checks import check_one_of
from jaxdl.draw import save_image, tile_images
from jaxdl.typing import Array, ArrayLike, Host

WALKS = ("line", "arc")


def interpolate(start: ArrayLike, end: ArrayLike, steps: int, *, walk: str = "line") -> Array:
    """Codes from `start` to `end` `(N, D)`, both included: `(N, steps, D)`.

    A "line" is a + t (b - a); an "arc" turns from a to b (White 2016, arXiv 1609.04468), sin((1 -
    t) w) / sin w a + sin(t w) / sin w b with w the angle between them, which keeps the length that
    samples of a normal have.
    """
    check_one_of("interpolate: walk", walk, WALKS)
    a, b = (jnp.asarray(x)[:, None] for x in (start, end))
    t = jnp.linspace(0, 1, steps, dtype=jnp.float32)[None, :, None]
    if walk == "line":
        return (1 - t) * a + t * b
    unit = [x / jnp.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b)]
    angle = jnp.arccos(jnp.clip(jnp.sum(unit[0] * unit[1], -1, keepdims=True), -1, 1))
    sine = jnp.where(angle < 1e-3, 1, jnp.sin(angle))
    arc = jnp.sin((1 - t) * angle) / sine * a + jnp.sin(t * angle) / sine * b
    return jnp.where(angle < 1e-3, (1 - t) * a + t * b, arc)


def traverse(start: ArrayLike, axes: Host, steps: int, *, most: float = 3.0) -> Array:
    """Row k: the code `start (D,)` with its axis `axes[k]` at -most .. most: `(K, steps, D)`."""
    start = jnp.asarray(start)
    moved = jnp.arange(len(start))[None] == jnp.asarray(axes)[:, None]  # (K, D)
    values = jnp.linspace(-most, most, steps, dtype=jnp.float32)[None, :, None]
    return jnp.where(moved[:, None], values, start[None, None])


def quantile_plane(steps: int, latent: int, axes: tuple[int, int] = (0, 1)) -> Host:
    """Codes over a grid of two axes at the normal's quantiles, 0 elsewhere: `(steps^2, latent)`.

    The picture of the manifold in Kingma & Welling 2013, figure 4.
    """
    q = stats.norm.ppf((np.arange(steps) + 0.5) / steps)
    codes = np.zeros((steps, steps, latent), np.float32)
    codes[..., axes[0]] = q[:, None]
    codes[..., axes[1]] = q[None]
    return codes.reshape(-1, latent)


def save_grid(images: ArrayLike, path: Path, *, columns: int, scale: int = 2) -> Path:
    """Images `(N, H, W, C)` in [0, 1] as one picture of `columns` a row."""
    return save_image(tile_images(np.asarray(images), columns), path, scale=scale)
