"""Losses of depth maps and of normal maps; pixels without a truth count nothing."""

import jax.numpy as jnp

from jaxdl.checks import check_fraction, check_same_shape
from jaxdl.typing import Array

TINY = 1e-12


def scale_invariant_log_error(log_depth: Array, truth: Array, *, scale_share: float = 0.5) -> Array:
    """The error of log depths that forgives a common factor (Eigen et al. 2014, 1406.2283, eq. 4).

    d_i = log_depth_i - log truth_i;   loss = sum d_i^2 / n - scale_share (sum d_i)^2 / n^2

    Args: `log_depth` `(B, H, W)`; `truth` `(B, H, W)`, a depth, 0 where it is not known;
    `scale_share` 1 forgives a factor wholly, 0 not at all. Returns: `(B,)`, 0 where nothing is
    known.
    """
    check_same_shape("scale_invariant_log_error: log_depth, truth", log_depth, truth)
    check_fraction("scale_invariant_log_error: scale_share", scale_share)
    known = truth > 0
    away = jnp.where(known, log_depth - jnp.log(jnp.where(known, truth, 1)), 0)
    count = jnp.maximum(jnp.sum(known, axis=(1, 2)), 1)
    mean = jnp.sum(away, axis=(1, 2)) / count
    return jnp.sum(away**2, axis=(1, 2)) / count - scale_share * mean**2


def angle_loss(normals: Array, truth: Array) -> Array:
    """1 - cos of the angle between normals, over the pixels that have a true one.

    Args: `normals` `(B, H, W, 3)` of any length; `truth` `(B, H, W, 3)` unit, zeros where there is
    none. Returns: means `(B,)` in [0, 2], 0 where there is none.
    """
    known = jnp.sum(truth**2, axis=-1) > 0.5
    angle = jnp.where(known, 1 - cosine(normals, truth), 0)
    return jnp.sum(angle, axis=(1, 2)) / jnp.maximum(jnp.sum(known, axis=(1, 2)), 1)


def cosine(a: Array, b: Array) -> Array:
    """Of the angle between vectors of the last axis; 0 for a zero vector."""
    check_same_shape("cosine: a, b", a, b)
    lengths = jnp.sum(a**2, axis=-1) * jnp.sum(b**2, axis=-1)
    return jnp.sum(a * b, axis=-1) / jnp.sqrt(lengths + TINY)
