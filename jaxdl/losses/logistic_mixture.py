"""Discretized mixtures of logistics: a density over levels with few parameters."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive
from jaxdl.ops.precision import at_least_float32
from jaxdl.typing import Array, Key

LEAST_LOG_SCALE = -7.0


def discretized_logistic_nll(params: Array, values: Array, *, levels: int = 256) -> Array:
    """-log sum_k pi_k [sigmoid((x + 1/2 - m_k) / s_k) - sigmoid((x - 1/2 - m_k) / s_k)].

    PixelCNN++ (Salimans et al. 2017, arXiv 1701.05517, eq. 2), on levels spread over [-1, 1]; the
    first level has all below it, the last all above.

    Args: `params` `(..., 3 K)`: log pi (unnormalized), m, log s; `values` `(...)` integers in
    [0, levels). Returns: `(...)` in nats.
    """
    params = at_least_float32(params)
    weights, means, log_scales = split_mixture(params)
    check_positive("discretized_logistic_nll: levels", levels - 1)
    step = 2 / (levels - 1)
    x = values[..., None].astype(params.dtype) * step - 1
    inverse = jnp.exp(-log_scales)
    upper, lower = inverse * (x - means + step / 2), inverse * (x - means - step / 2)
    # log(sigmoid(u) - sigmoid(l)) = log sigmoid(u) + log sigmoid(-l) + log(1 - exp(l - u))
    inside = (
        jax.nn.log_sigmoid(upper)
        + jax.nn.log_sigmoid(-lower)
        + _log_gap(jnp.log(step) - log_scales)
    )
    first = values[..., None] == 0
    last = values[..., None] == levels - 1
    each = jnp.where(
        first, jax.nn.log_sigmoid(upper), jnp.where(last, jax.nn.log_sigmoid(-lower), inside)
    )
    return -jax.nn.logsumexp(jax.nn.log_softmax(weights) + each, axis=-1)


def draw_logistic(key: Key, params: Array, *, levels: int = 256) -> Array:
    """Levels drawn from the mixture: `(..., 3 K)` -> `(...)` int32."""
    weights, means, log_scales = split_mixture(params)
    which_key, value_key = jax.random.split(key)
    which = jax.random.categorical(which_key, weights)[..., None]
    mean, log_scale = (jnp.take_along_axis(x, which, axis=-1)[..., 0] for x in (means, log_scales))
    x = mean + jnp.exp(log_scale) * jax.random.logistic(value_key, mean.shape, mean.dtype)
    level = jnp.round((x + 1) / 2 * (levels - 1))
    return jnp.clip(level, 0, levels - 1).astype(jnp.int32)


def split_mixture(params: Array) -> tuple[Array, Array, Array]:
    """Log weights, means, log scales (at least -7), `(..., K)` each."""
    if params.shape[-1] % 3:
        raise ValueError(f"a mixture has three numbers a part, got shape {params.shape}")
    weights, means, log_scales = jnp.split(params, 3, axis=-1)
    return weights, means, jnp.maximum(log_scales, LEAST_LOG_SCALE)


def _log_gap(log_gap: Array) -> Array:
    """log(1 - exp(-gap)) of log(gap), exact for small and for large gaps.

    A small one is log(gap) and a correction, so that one which underflows has its logarithm still.
    """
    gap = jnp.exp(log_gap)
    small = gap < 0.7
    safe = jnp.where(small, jnp.maximum(gap, 1e-6), 1.0)
    a = log_gap + jnp.log(-jnp.expm1(-safe) / safe)
    return jnp.where(small, a, jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, gap))))
