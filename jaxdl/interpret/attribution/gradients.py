"""Maps from the gradient of a score in the picture. All are `(B, H, W, C)` unless said."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, Target, gradient, score_of
from jaxdl.typing import Array


def saliency(network: Network, images: Array, target: Target) -> Array:
    """max over channels of |d score / d x|: `(B, H, W)` (Simonyan et al. 2014, arXiv 1312.6034)."""
    return jnp.max(jnp.abs(gradient(network, images, target)), axis=-1)


def gradient_x_input(network: Network, images: Array, target: Target) -> Array:
    """x d score / d x (Shrikumar et al. 2016, arXiv 1605.01713)."""
    return images * gradient(network, images, target)


def smooth_grad(
    network: Network,
    images: Array,
    target: Target,
    *,
    key: Array,
    samples: int = 25,
    noise: float = 0.15,
) -> Array:
    """The mean gradient over noisy copies (Smilkov et al. 2017, arXiv 1706.03825).

    Copy i has `noise` times the picture's range (maximum - minimum) times
    `normal(fold_in(key, i))` added to it.
    """
    if samples < 1 or noise < 0:
        raise UsageError(f"smooth_grad: samples must be >= 1, noise >= 0, got {samples}, {noise}")
    score, axes = score_of(network, images, target), (1, 2, 3)
    spread = noise * (images.max(axes, keepdims=True) - images.min(axes, keepdims=True))
    total = jnp.zeros_like(images)
    for i in range(samples):
        drawn = jax.random.normal(jax.random.fold_in(key, i), images.shape, images.dtype)
        total += gradient(network, images + spread * drawn, score)
    return total / samples


def integrated_gradients(
    network: Network,
    images: Array,
    target: Target,
    *,
    baseline: Array | float = 0.0,
    steps: int = 50,
) -> Array:
    """(x - b) times the mean gradient from b to x.

    Sundararajan et al. 2017, arXiv 1703.01365, eq. 1; the mean by Gauss-Legendre quadrature with
    `steps` points. The attributions of a picture sum to score(x) - score(b), but for the error of
    that. `baseline` b broadcasts to the pictures and is in the network's own values: 0 is the mean
    color of a standardized set, not black.
    """
    if steps < 1:
        raise UsageError(f"integrated_gradients: steps must be >= 1, got {steps}")
    score = score_of(network, images, target)
    base = jnp.broadcast_to(jnp.asarray(baseline, images.dtype), images.shape)
    points, weights = np.polynomial.legendre.leggauss(steps)  # on (-1, 1)
    total = jnp.zeros_like(images)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        total = _add_on_path(total, network, base, images, score, float(point), float(weight))
    return (images - base) * total


@jax.jit
def _add_on_path(
    total: Array, network: Network, base: Array, images: Array, score: Any, point: Any, weight: Any
) -> Array:
    """`total` and the weighted gradient at one point between `base` and `images`."""
    at = base + point * (images - base)
    return total + weight * jax.grad(lambda x: score(network(x)).sum())(at)
