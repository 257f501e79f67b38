"""Losses of pictures with a class for each pixel; pixels of the number `void` count nothing.

`logits` `(B, H, W, K)`, `segments` `(B, H, W)` integers in [0, K), or `void`.
"""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_at_least, check_positive, check_rank
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array

VOID = 255


def pixel_cross_entropy(logits: Array, segments: Array, *, void: int = VOID) -> Array:
    """Cross-entropy of each pixel, 0 where it is void: `(B, H, W)`.

    The mean over those that count is torch's `cross_entropy` with `ignore_index`.
    """
    check_rank("pixel_cross_entropy: logits", logits, 4)
    counted = segments != void
    loss = softmax_cross_entropy(logits, jnp.where(counted, segments.astype(jnp.int32), 0))
    return jnp.where(counted, loss, 0)


def pixel_focal_loss(
    logits: Array, segments: Array, *, gamma: float = 2.0, void: int = VOID
) -> Array:
    """(1 - p)^gamma (-log p), p the true class's share (Lin et al. 2017, arXiv 1708.02002, eq. 4).

    Of each pixel, 0 where it is void: `(B, H, W)`. `gamma` 0 is the cross-entropy.
    """
    check_at_least("pixel_focal_loss: gamma", gamma, 0)
    loss = pixel_cross_entropy(logits, segments, void=void)
    # 1 - exp(-loss) by expm1: near a sure pixel its digits, and those of its gradient, would go.
    wrong = jnp.maximum(-jnp.expm1(-loss), 1e-12)
    return wrong**gamma * loss


def dice_loss(logits: Array, segments: Array, *, void: int = VOID) -> Array:
    """1 - mean over classes of 2 sum(p g) / (sum p + sum g): `(B,)`.

    Soft Dice (Milletari et al. 2016, arXiv 1606.04797, without squares) of a picture; p the
    softmax, g 1 where the class is true. The mean is over the classes that the picture has; 0 where
    all is void.
    """
    both, found, true = overlap_sums(logits, segments, void)
    return _lack(2 * both, found + true, true)


def jaccard_loss(logits: Array, segments: Array, *, void: int = VOID) -> Array:
    """1 - mean over classes of sum(p g) / (sum p + sum g - sum(p g)), soft IoU: `(B,)`.

    Rahman & Wang 2016 (ISVC, eq. 3 to 5); classes and void as in `dice_loss`.
    """
    both, found, true = overlap_sums(logits, segments, void)
    return _lack(both, found + true - both, true)


def overlap_sums(logits: Array, segments: Array, void: int) -> tuple[Array, Array, Array]:
    """sum(p g), sum p, sum g over the pixels that count: `(B, K)` each."""
    check_rank("overlap_sums: logits", logits, 4)
    shares = jax.nn.softmax(at_least_float32(logits))
    counted = (segments != void)[..., None]
    classes = jnp.arange(logits.shape[-1], dtype=jnp.int32)[None, None, None]
    true = (segments.astype(jnp.int32)[..., None] == classes) & counted
    sums = (jnp.where(true, shares, 0), jnp.where(counted, shares, 0), true.astype(shares.dtype))
    both, found, there = (jnp.sum(x, axis=(1, 2)) for x in sums)
    return both, found, there


def _lack(part: Array, whole: Array, true: Array) -> Array:
    """1 - the mean of part / whole over the classes with true pixels, `(B, K)` -> `(B,)`."""
    there = true > 0
    share = jnp.where(there, 1 - part / jnp.where(there, whole, 1), 0)
    return jnp.sum(share, axis=1) / jnp.maximum(jnp.sum(there, axis=1), 1)


def boundary_weights(
    segments: Array, *, gain: float = 5.0, sigma: float = 2.0, void: int = VOID
) -> Array:
    """1 + gain exp(-d^2 / (2 sigma^2)), d pixels to the nearest one of another class: `(B, H, W)`.

    After U-Net's weight map (Ronneberger et al. 2015, arXiv 1505.04597, eq. 2), whose sum of the
    distances to the two nearest cells becomes the distance to the nearest boundary, as one map of
    classes does not tell cells apart. Distances above 3 sigma count as endless; void pixels are of
    no class, and have weight 1.
    """
    check_positive("boundary_weights: sigma", sigma)
    check_at_least("boundary_weights: gain", gain, 0)
    check_rank("boundary_weights: segments", segments, 3)
    reach, (_, height, width) = int(3 * sigma), segments.shape
    padded = jnp.pad(segments, ((0, 0), (reach, reach), (reach, reach)), constant_values=void)
    nearest = jnp.full(segments.shape, jnp.inf)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if 0 < dy * dy + dx * dx <= (3 * sigma) ** 2:
                top, left = reach + dy, reach + dx
                other = padded[:, top : top + height, left : left + width]
                differs = (other != segments) & (other != void)
                nearest = jnp.where(differs, jnp.minimum(nearest, dy * dy + dx * dx), nearest)
    near = jnp.exp(-nearest / (2 * sigma**2))
    return jnp.where(segments == void, 1, 1 + gain * near)
