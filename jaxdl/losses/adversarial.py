"""Losses of generator and discriminator, from scores (logits); one value per example."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array

LOSSES = ("gan", "minimax", "lsgan", "wgan")


def discriminator_loss(real: Array, fake: Array, *, kind: str = "gan") -> Array:
    """What D minimizes, of scores of real and made examples: `(B,)`, `(B,)` -> `(B,)`.

    gan, minimax: -log sigmoid(real) - log(1 - sigmoid(fake)) (Goodfellow et al. 2014, 1406.2661)
    lsgan: 1/2 (real - 1)^2 + 1/2 fake^2 (Mao et al. 2016, arXiv 1611.04076, eq. 9)
    wgan: fake - real (Arjovsky et al. 2017, arXiv 1701.07875)
    """
    _check("discriminator_loss", real, kind)
    _check("discriminator_loss", fake, kind)
    real, fake = at_least_float32(real), at_least_float32(fake)
    if kind == "lsgan":
        return 0.5 * (real - 1) ** 2 + 0.5 * fake**2
    if kind == "wgan":
        return fake - real
    return jax.nn.softplus(-real) + jax.nn.softplus(fake)


def generator_loss(fake: Array, *, kind: str = "gan") -> Array:
    """What G minimizes, of scores of what it made: `(B,)` -> `(B,)`.

    gan: -log sigmoid(fake), the non-saturating one; minimax: log(1 - sigmoid(fake))
    lsgan: 1/2 (fake - 1)^2; wgan: -fake
    """
    _check("generator_loss", fake, kind)
    fake = at_least_float32(fake)
    if kind == "lsgan":
        return 0.5 * (fake - 1) ** 2
    if kind == "wgan":
        return -fake
    return -jax.nn.softplus(fake) if kind == "minimax" else jax.nn.softplus(-fake)


def gradient_penalty(slopes: Array) -> Array:
    """(||slope|| - 1)^2 of each example (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3).

    Args: `slopes` `(B, ...)`, the gradient of the critic's scores by points between real and made
    examples. Returns: `(B,)`.
    """
    slopes = at_least_float32(slopes)
    square = jnp.sum((slopes**2).reshape(len(slopes), -1), axis=1)
    return (jnp.sqrt(square + 1e-12) - 1) ** 2  # a finite gradient where the slope is 0


def _check(who: str, scores: Array, kind: str) -> None:
    check_one_of(f"{who}: kind", kind, LOSSES)
    check_rank(f"{who}: scores", scores, 1)
