"""Batch normalization, its backward pass derived twice: through the graph, and on paper."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.typing import Array

DERIVATIONS = ("graph", "paper")


def batch_norm(
    x: Array, scale: Array, shift: Array, *, eps: float = 1e-5, derivation: str = "paper"
) -> Array:
    """y = scale (x - mean) / sqrt(var + eps) + shift, biased statistics over the batch.

    `(B, D)`, `(D,)`, `(D,)` -> `(B, D)`. `derivation` "graph" walks back through the graph of the
    forward pass step by step; "paper" is what remains after simplification:

    dL/dx = scale / (B sqrt(var + eps)) (B dL/dy - sum dL/dy - x' sum (dL/dy x')),  x' normalized
    """
    check_rank("batch_norm: x", x, 2)
    check_one_of("batch_norm: derivation", derivation, DERIVATIONS)
    return _batch_norm(x, scale, shift, eps, derivation)


def spatial_batch_norm(
    x: Array, scale: Array, shift: Array, *, eps: float = 1e-5, derivation: str = "paper"
) -> Array:
    """`batch_norm` of each channel over batch, height and width, `(B, H, W, C)` -> the same."""
    check_rank("spatial_batch_norm: x", x, 4)
    flat = x.reshape(-1, x.shape[3])
    return batch_norm(flat, scale, shift, eps=eps, derivation=derivation).reshape(x.shape)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _batch_norm(x, scale, shift, eps, derivation):
    return _forward(x, scale, shift, eps, derivation)[0]


def _forward(x, scale, shift, eps, derivation):
    mean = jnp.mean(x, axis=0, keepdims=True)
    centered = x - mean
    root = jnp.sqrt(jnp.mean(centered**2, axis=0, keepdims=True) + eps)
    y = scale[None, :] * (centered / root) + shift[None, :]
    return y, (centered, root, scale)


def _backward(eps, derivation, saved, slope):
    centered, root, scale = saved
    normal = centered / root
    d_normal = slope * scale[None, :]
    rule = _through_graph if derivation == "graph" else _on_paper
    d_scale, d_shift = jnp.sum(slope * normal, axis=0), jnp.sum(slope, axis=0)
    return rule(d_normal, centered, root), d_scale, d_shift


def _through_graph(d_normal: Array, centered: Array, root: Array) -> Array:
    """Node by node, from normal = centered * (1 / root) back to x."""
    size = len(centered)
    d_inverse = jnp.sum(d_normal * centered, axis=0, keepdims=True)  # at 1 / root
    d_root = -d_inverse / root**2
    d_variance = d_root / (2 * root)
    d_square = jnp.broadcast_to(d_variance / size, centered.shape)
    d_centered = d_normal / root + 2 * centered * d_square  # both ways into `centered`
    d_mean = -jnp.sum(d_centered, axis=0, keepdims=True)
    return d_centered + d_mean / size


def _on_paper(d_normal: Array, centered: Array, root: Array) -> Array:
    """The same in one line: what is left of the slope after its mean and its part along x'."""
    normal = centered / root
    along = jnp.mean(d_normal * normal, axis=0, keepdims=True)
    return (d_normal - jnp.mean(d_normal, axis=0, keepdims=True) - normal * along) / root


_batch_norm.defvjp(_forward, _backward)
