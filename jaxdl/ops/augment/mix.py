"""Random holes and mixtures on the device: cutout, mixup, cutmix; one typed key per row.

A mixture is with the neighbor in the batch, rows 0 and 1, 2 and 3 and so on (the batch is shuffled
already): so a row's result depends on its pair alone, and on any number of devices that an even
number of rows goes to. An odd last row is mixed with itself.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxdl.checks import check_positive, check_rank
from jaxdl.ops.augment.crop_flip import row_uniform, split_rows
from jaxdl.typing import Array, Key


def cutout(keys: Key, images: Array, *, size: int, fill: float = 0.0) -> Array:
    """Covers a square around a random pixel, cut off at the edges (DeVries & Taylor 2017).

    `(B, H, W, C)`; the square has `size` pixels per side, one more before the pixel if even.
    """
    check_rank("cutout: images", images, 4)
    check_positive("cutout: size", size)
    _, height, width, _ = images.shape
    u = row_uniform(keys, 2)
    top, left = (jnp.floor(u[:, i] * n) - size // 2 for i, n in enumerate((height, width)))
    hole = inside_box(jnp.stack([left, top, left + size, top + size], axis=-1), (height, width))
    return jnp.where(hole[..., None], jnp.asarray(fill, images.dtype), images)


def mixup(
    keys: Key, images: Array, labels: Array, *, num_classes: int, alpha: float = 0.2
) -> tuple[Array, Array]:
    """x = w x_i + (1 - w) x_j, targets alike, w ~ Beta(alpha, alpha) (Zhang et al. 2018, eq. 1).

    Args: `labels` `(B,)` int or `(B, K)` soft. Returns: images, targets `(B, num_classes)`.
    """
    check_rank("mixup: images", images, 4)
    weight = draw_weight("mixup: alpha", keys, alpha)
    mixed = blend(weight, images, partner(images))
    return mixed, mix_targets(weight, labels, num_classes)


def cutmix(
    keys: Key, images: Array, labels: Array, *, num_classes: int, alpha: float = 1.0
) -> tuple[Array, Array]:
    """Pastes a window of the neighbor; targets by area (Yun et al. 2019, eqs. 1 and 2).

    The window has sides sqrt(1 - w) of the image's, w ~ Beta(alpha, alpha), and a uniform center;
    the targets use the area that is left after it is cut off at the edges.
    Args: `labels` `(B,)` int or `(B, K)` soft. Returns: images, targets `(B, num_classes)`.
    """
    check_rank("cutmix: images", images, 4)
    _, height, width, _ = images.shape
    k_weight, k_place = split_rows(keys, 2)
    part = jnp.sqrt(1 - draw_weight("cutmix: alpha", k_weight, alpha))[:, None]
    full = jnp.array([width, height], jnp.float32)[None]
    half = jnp.floor(full * part) // 2
    center = jnp.floor(row_uniform(k_place, 2) * full)
    hole = inside_box(jnp.concatenate([center - half, center + half], axis=-1), (height, width))
    mixed = jnp.where(hole[..., None], partner(images), images)
    return mixed, mix_targets(1 - hole.mean(axis=(1, 2), dtype=jnp.float32), labels, num_classes)


def partner(x: Array) -> Array:
    """Row i of the result is the other row of i's pair."""
    rows = jnp.arange(len(x)) ^ 1
    return x[jnp.where(rows < len(x), rows, jnp.arange(len(x)))]


def draw_weight(who: str, keys: Key, alpha: float) -> Array:
    """Beta(alpha, alpha), one per row: `(B,)`.

    By the inverse of its distribution function, tabulated: one draw, and a tenth of the compile
    time of the rejection sampler.
    """
    check_positive(who, alpha)
    grid = np.linspace(0, 1, 4097)
    quantiles = special.betaincinv(alpha, alpha, grid)
    table = (jnp.asarray(values, jnp.float32) for values in (grid, quantiles))
    return jnp.interp(row_uniform(keys, 1)[:, 0], *table)


def mix_targets(weight: Array, labels: Array, num_classes: int) -> Array:
    """Labels `(B,)` or `(B, K)` of both rows by `weight` `(B,)`: `(B, K)`."""
    targets = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32) if labels.ndim == 1 else labels
    if targets.shape[1] != num_classes:
        raise ValueError(f"targets must have {num_classes} classes, got shape {labels.shape}")
    return blend(weight, targets, partner(targets))


def blend(weight: Array, a: Array, b: Array) -> Array:
    """weight a + (1 - weight) b, `weight` `(B,)`."""
    weight = weight.reshape(-1, *[1] * (a.ndim - 1))
    return weight * a + (1 - weight) * b


def inside_box(boxes: Array, size: tuple[int, int]) -> Array:
    """Whether each pixel's index is in x1 <= x < x2, y1 <= y < y2: `(B, 4)` -> `(B, *size)`."""
    x1, y1, x2, y2 = boxes.T[:, :, None]
    ys, xs = jnp.arange(size[0])[None], jnp.arange(size[1])[None]
    rows, columns = (ys >= y1) & (ys < y2), (xs >= x1) & (xs < x2)
    return rows[:, :, None] & columns[:, None, :]
