"""Where a token stands: sines and cosines, and rotations."""

import jax.numpy as jnp
import numpy as np

from jaxdl.typing import Array, Host


def sincos_table(length: int, width: int, *, temperature: float = 10000.0) -> Host:
    """Sines in the even columns, cosines in the odd ones (Vaswani et al. 2017, 1706.03762, 3.5).

    P[t, 2k] = sin(t w_k), P[t, 2k + 1] = cos(t w_k), w_k = temperature^(-2k / width).
    Returns: `(length, width)` float32.
    """
    if width % 2:
        raise ValueError(f"sincos_table: width must be even, got {width}")
    return _sines(np.arange(length), width, temperature)


def sincos_grid(height: int, width: int, features: int, *, temperature: float = 10000.0) -> Host:
    """Where a cell of a grid stands: sines of y, then of x (DETR: Carion et al. 2020, 2005.12872).

    Each half is as in `sincos_table`, of positions 2 pi (i + 1) / size, as published.
    Returns: `(height * width, features)` float32, row by row.
    """
    if features % 4:
        raise ValueError(f"sincos_grid: features must divide by 4, got {features}")
    y, x = (
        _sines(2 * np.pi * np.arange(1, size + 1) / size, features // 2, temperature)
        for size in (height, width)
    )
    return np.concatenate([np.repeat(y, width, axis=0), np.tile(x, (height, 1))], axis=1)


def _sines(positions: Host, width: int, temperature: float) -> Host:
    omega = temperature ** -(np.arange(0, width, 2) / width)
    angle = positions[:, None] * omega
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(-1, width).astype("f4")


def rotary_embedding(x: Array, positions: Array, *, temperature: float = 10000.0) -> Array:
    """Turns each pair of columns by its position (RoFormer, Su et al. 2021, arXiv 2104.09864).

    (x[2k], x[2k + 1]) turns by t w_k, w_k = temperature^(-2k / D), so the product of a query at s
    and a key at t depends on s - t alone.

    Args: `x` `(..., L, D)`, D even; `positions` `(L,)`. Returns: the same shape.
    """
    width = x.shape[-1]
    if width % 2:
        raise ValueError(f"rotate: the width must be even, got shape {x.shape}")
    omega = temperature ** -(np.arange(0, width, 2) / width)
    angle = positions[:, None].astype(x.dtype) * omega[None].astype(x.dtype)  # (L, D / 2)
    angle = angle.reshape((1,) * (x.ndim - 2) + angle.shape)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape)


def sincos(positions: Array, width: int, *, temperature: float = 10000.0) -> Array:
    """`sincos_table`'s rows at any positions, of time steps say: `(B,)` -> `(B, width)`."""
    if width % 2:
        raise ValueError(f"sincos: width must be even, got {width}")
    omega = jnp.asarray(temperature ** -(np.arange(0, width, 2) / width), jnp.float32)
    angle = positions.astype(jnp.float32)[:, None] * omega[None]
    return jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1).reshape(len(positions), width)
