"""Losses of models with latent variables; summed over pixels and latents, one value per example."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array


def gaussian_kl(mean: Array, log_var: Array) -> Array:
    """KL(N(mean, exp(log_var)) || N(0, 1)) (Kingma & Welling 2013, arXiv 1312.6114, appendix B).

    1/2 sum_d (mean_d^2 + exp(log_var_d) - 1 - log_var_d)

    Args: `mean`, `log_var` `(B, D)`. Returns: `(B,)` in nats.
    """
    check_rank("gaussian_kl: mean", mean, 2)
    check_same_shape("gaussian_kl: mean, log_var", mean, log_var)
    mean, log_var = at_least_float32(mean), at_least_float32(log_var)
    # expm1: near a standard normal 1 + log_var - exp(log_var) would lose its digits.
    return 0.5 * jnp.sum(mean**2 + jnp.expm1(log_var) - log_var, axis=1)


def gaussian_kl_between(mean_p: Array, log_var_p: Array, mean_q: Array, log_var_q: Array) -> Array:
    """KL(N(mean_p, exp(log_var_p)) || N(mean_q, exp(log_var_q))), diagonal: all `(B, D)` -> `(B,)`.

    1/2 sum_d (log_var_q - log_var_p + (exp(log_var_p) + (mean_p - mean_q)^2) / exp(log_var_q) - 1)
    """
    check_same_shape("gaussian_kl_between: mean_p, mean_q", mean_p, mean_q)
    mean_p, log_var_p, mean_q, log_var_q = map(
        at_least_float32, (mean_p, log_var_p, mean_q, log_var_q)
    )
    ratio = log_var_p - log_var_q
    square = (mean_p - mean_q) ** 2 * jnp.exp(-log_var_q)
    return 0.5 * jnp.sum(jnp.expm1(ratio) - ratio + square, axis=1)


def bernoulli_nll(logits: Array, targets: Array) -> Array:
    """-log p(x) of independent bits, from logits: `(B, ...)`, targets in [0, 1] -> `(B,)` in nats.

    For targets between 0 and 1 it is a cross-entropy, and no density.
    """
    loss = binary_cross_entropy(logits, targets)
    return jnp.sum(loss.reshape(len(loss), -1), axis=1)


def squared_error(output: Array, targets: Array) -> Array:
    """sum (output - target)^2: `(B, ...)` -> `(B,)`."""
    check_same_shape("squared_error: output, targets", output, targets)
    output, targets = at_least_float32(output), at_least_float32(targets)
    return jnp.sum(((output - targets) ** 2).reshape(len(output), -1), axis=1)


def sample_gaussian(mean: Array, log_var: Array, noise: Array) -> Array:
    """mean + exp(log_var / 2) noise, so that gradients reach the mean and the variance."""
    check_same_shape("sample_gaussian: mean, noise", mean, noise)
    return mean + jnp.exp(0.5 * log_var) * noise


def codebook_losses(
    encoded: Array, quantized: Array, *, commitment: float = 0.25
) -> tuple[Array, Array]:
    """||sg(z) - e||^2 and commitment ||z - sg(e)||^2 (van den Oord et al. 2017, 1711.00937, eq. 3).

    Means over positions and channels: `(B, ..., D)` both -> `(B,)`, `(B,)`.
    """
    check_same_shape("codebook_losses: encoded, quantized", encoded, quantized)
    check_positive("codebook_losses: commitment", commitment)
    stop = jax.lax.stop_gradient
    values = encoded[0].size
    codes = squared_error(quantized, stop(encoded)) / values
    return codes, commitment * squared_error(encoded, stop(quantized)) / values
