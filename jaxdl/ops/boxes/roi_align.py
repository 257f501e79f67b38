"""Features of regions: RoI align and RoI pool, with exact gradients.

Both take features `(B, H, W, C)` and boxes `(B, N, 4)` in pixels of the picture, of which a cell
measures 1 / `scale`, and give `(B, N, P, Q, C)`, `size` = (P, Q).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.typing import Array

Size = tuple[int, ...]


@partial(jax.jit, static_argnames=("size", "scale", "samples", "aligned"))
def roi_align(
    features: Array,
    boxes: Array,
    *,
    size: Size,
    scale: float = 1.0,
    samples: int | None = 2,
    aligned: bool = True,
) -> Array:
    """Means of `samples`^2 bilinear samples a bin (He et al. 2017, arXiv 1703.06870, section 3).

    torchvision's `roi_align` with `sampling_ratio=samples`; None: each box has as many as its bins
    have cells, rounded up (torchvision's -1). `aligned` takes half a pixel off the
    coordinates, as they should be; without it, a box has sides of at least 1. A sample outside of
    the map by more than a cell is 0. The samples of a box form a grid, so that the whole is two
    products with small matrices; boxes have gradients too.
    """
    _check("roi_align", features, boxes)
    if samples is not None and samples < 1:
        raise ValueError(f"roi_align: samples must be at least 1, got {samples}")
    shift = 0.5 if aligned else 0.0
    low, high = boxes[..., :2] * scale - shift, boxes[..., 2:] * scale - shift
    sides = high - low if aligned else jnp.maximum(high - low, 1)
    rows = _weights(low[..., 1], sides[..., 1], size[0], features.shape[1], samples)
    columns = _weights(low[..., 0], sides[..., 0], size[1], features.shape[2], samples)
    high_precision = lax.Precision.HIGHEST
    bands = jnp.einsum("bnph,bhwc->bnpwc", rows, features, precision=high_precision)
    return jnp.einsum("bnqw,bnpwc->bnpqc", columns, bands, precision=high_precision)


@partial(jax.jit, static_argnames=("size", "scale"))
def roi_pool(features: Array, boxes: Array, *, size: Size, scale: float = 1.0) -> Array:
    """The largest value of each bin (Girshick 2015, arXiv 1504.08083, section 2.1).

    torchvision's `roi_pool`: corners are rounded to cells, the last of which is included; bins are
    rounded outwards; an empty bin is 0. The gradient goes to the first maximum of a bin.
    """
    _check("roi_pool", features, boxes)
    height, width = features.shape[1:3]
    corners = _round(lax.stop_gradient(boxes) * scale)
    rows = _bins(corners[..., 1], corners[..., 3], size[0], height)  # (B, N, P, H)
    columns = _bins(corners[..., 0], corners[..., 2], size[1], width)

    def one_picture(picture: Array, rows: Array, columns: Array) -> Array:
        flat = picture.reshape(height * width, -1)

        def one_box(bins: tuple[Array, Array]) -> Array:
            inside = bins[0][:, None, :, None] & bins[1][None, :, None, :]  # (P, Q, H, W)
            inside = inside.reshape(-1, height * width, 1)
            seen = jnp.where(inside, lax.stop_gradient(flat)[None], -jnp.inf)
            first = jnp.argmax(seen, axis=1)  # (P * Q, C)
            values = jnp.take_along_axis(flat, first, axis=0)
            return jnp.where(jnp.any(inside, axis=1), values, 0)

        return lax.map(one_box, (rows, columns))

    pooled = jax.vmap(one_picture)(features, rows, columns)
    return pooled.reshape(*boxes.shape[:2], *size, features.shape[3])


def _weights(low: Array, side: Array, bins: int, cells: int, samples: int | None) -> Array:
    """What each cell counts in each bin along one axis: `(B, N)` -> `(B, N, bins, cells)`."""
    if samples is None:
        return _adaptive_weights(low, side, bins, cells)
    steps = (jnp.arange(bins * samples, dtype=jnp.float32) + 0.5) / (bins * samples)
    place = low[..., None] + side[..., None] * steps[None, None]  # (B, N, bins * samples)
    tent = _tents(place, cells)
    return jnp.mean(tent.reshape(*low.shape, bins, samples, cells), axis=3)


def _adaptive_weights(low: Array, side: Array, bins: int, cells: int) -> Array:
    """`_weights` with a number of samples of each box's own: the cells of a bin, rounded up.

    A box may be somewhat larger than the map, whose number of cells is the most that is provided
    for.
    """
    most = -(-cells // bins) + 1
    count = jnp.clip(jnp.ceil(side / bins), 1, most)[..., None, None]  # (B, N, 1, 1)
    sample = jnp.arange(most, dtype=jnp.float32)[None, None, None]
    steps = (jnp.arange(bins)[None, None, :, None] + (sample + 0.5) / count) / bins
    place = low[..., None, None] + side[..., None, None] * steps  # (B, N, bins, most)
    used = (sample < count) / count
    tent = _tents(place.reshape(*low.shape, -1), cells).reshape(*place.shape, cells)
    return jnp.sum(tent * used[..., None], axis=3)


def _tents(place: Array, cells: int) -> Array:
    """What each cell counts at places `(B, N, P)` along an axis: `(B, N, P, cells)`."""
    inside = (place >= -1) & (place <= cells)
    place = jnp.clip(place, 0, cells - 1)[..., None]
    tent = jnp.maximum(1 - jnp.abs(place - jnp.arange(cells)[None, None, None]), 0)
    return jnp.where(inside[..., None], tent, 0)


def _round(x: Array) -> Array:
    """Half away from zero, as in C."""
    return (jnp.sign(x) * jnp.floor(jnp.abs(x) + 0.5)).astype(jnp.int32)


def _bins(first: Array, last: Array, bins: int, cells: int) -> Array:
    """Which cells are in which bin along one axis: `(B, N)` -> `(B, N, bins, cells)` bool."""
    side = jnp.maximum(last - first + 1, 1)[..., None]
    number = jnp.arange(bins)[None, None]
    # In integers: a rounded quotient would give a bin one cell too many here and there.
    start = number * side // bins + first[..., None]
    stop = -(-(number + 1) * side // bins) + first[..., None]
    cell = jnp.arange(cells)[None, None, None]
    return (cell >= start[..., None]) & (cell < stop[..., None])


def _check(who: str, features: Array, boxes: Array) -> None:
    check_rank(f"{who}: features", features, 4)
    if boxes.ndim != 3 or boxes.shape[-1] != 4 or len(boxes) != len(features):
        raise ValueError(
            f"{who}: boxes must be ({len(features)}, N, 4) for features {features.shape}, "
            f"got {boxes.shape}"
        )
