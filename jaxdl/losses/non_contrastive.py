"""Losses of two views without negatives; what keeps them from one constant embedding differs."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.ops.collectives import pmean_tree
from jaxdl.ops.distance import unit_rows
from jaxdl.typing import Array

EPSILON = 1e-12  # of a variance: finite where an embedding is constant


def byol(prediction: Array, target: Array) -> Array:
    """2 - 2 cos(prediction, target) (Grill et al. 2020, arXiv 2006.07733, eq. 2).

    No gradient goes to `target`, which a moving average of the network gives.

    Args: `(B, D)` each. Returns: `(B,)` in [0, 4]; the caller adds that of the exchanged views.
    """
    return 2 - 2 * cosine(prediction, jax.lax.stop_gradient(target))


def simsiam(
    prediction_a: Array,
    prediction_b: Array,
    za: Array,
    zb: Array,
    *,
    stop_gradient: bool = True,
) -> Array:
    """-cos(prediction_a, zb) / 2 - cos(prediction_b, za) / 2 (Chen & He 2021, 2011.10566, eq. 2).

    Without `stop_gradient` on za and zb all images get one embedding (their section 4.1).

    Args: `(B, D)` each. Returns: `(B,)` in [-1, 1].
    """
    if stop_gradient:
        za, zb = jax.lax.stop_gradient((za, zb))
    return -(cosine(prediction_a, zb) + cosine(prediction_b, za)) / 2


def barlow_twins(
    za: Array, zb: Array, *, redundancy_weight: float = 5e-3, axis_name: str | None = None
) -> Array:
    """Barlow Twins (Zbontar et al. 2021, arXiv 2103.03230, eq. 1): one value per *feature*.

    loss_i = (1 - C_ii)^2 + redundancy_weight sum_{j != i} C_ij^2, C_ij the correlation of feature i
    of `za` with feature j of `zb` over the batch of all devices; the paper's loss is the sum.

    Args: `za`, `zb` `(B, D)`. Returns: `(D,)`, equal on all devices.
    """
    check_rank("barlow_twins: za", za, 2)
    check_same_shape("barlow_twins: za, zb", za, zb)
    check_positive("barlow_twins: redundancy_weight", redundancy_weight)
    means = pmean_tree((jnp.mean(za, axis=0), jnp.mean(zb, axis=0)), axis_name)
    za, zb = (z - mean[None] for z, mean in zip((za, zb), means, strict=True))
    moments = jnp.mean(za**2, axis=0), jnp.mean(zb**2, axis=0), za.T @ zb / len(za)
    var_a, var_b, covariance = pmean_tree(moments, axis_name)
    scale_a, scale_b = jax.lax.rsqrt(var_a + EPSILON), jax.lax.rsqrt(var_b + EPSILON)
    correlation = covariance * scale_a[:, None] * scale_b[None, :]
    diagonal = jnp.diagonal(correlation)
    others = jnp.where(jnp.eye(len(diagonal), dtype=bool), 0, correlation)
    return (1 - diagonal) ** 2 + redundancy_weight * jnp.sum(others**2, axis=1)


def cosine(a: Array, b: Array) -> Array:
    """The cosine of each row of `a` with that of `b`, `(B, D)` twice -> `(B,)`."""
    check_rank("cosine: a", a, 2)
    check_same_shape("cosine: a, b", a, b)
    return jnp.sum(unit_rows(a) * unit_rows(b), axis=1)
