"""Volume rendering along rays (Mildenhall et al. 2020, arXiv 2003.08934, sections 4 and 5.2)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank, check_same_shape
from jaxdl.typing import Array, Key


class Seen(NamedTuple):
    """What rays see; S samples of each."""

    color: Array  # (..., 3)
    weights: Array  # (..., S): how much each sample counts
    opacity: Array  # (...): their sum, in [0, 1]


def composite(density: Array, color: Array, t: Array, far: float, background: Array) -> Seen:
    """C = sum_i T_i (1 - exp(-s_i delta_i)) c_i + T_end b, T_i = exp(-sum_{j<i} s_j delta_j).

    Eq. 3, with what stands behind. Args: `density` s >= 0 and distances `t`, rising, `(..., S)`;
    `color` `(..., S, 3)`; delta_i = t_{i+1} - t_i, the last up to `far`; `background` `(3,)`.
    """
    check_same_shape("composite: density, t", density, t)
    check_rank("composite: background", background, 1)
    end = jnp.full_like(t[..., :1], far)
    depth = density * jnp.diff(jnp.concatenate([t, end], axis=-1), axis=-1)
    passed = jnp.cumsum(depth, axis=-1)
    weights = jnp.exp(depth - passed) * -jnp.expm1(-depth)
    left = jnp.exp(-passed[..., -1])
    seen = jnp.sum(weights[..., None] * color, axis=-2)
    behind = background.reshape(*[1] * (seen.ndim - 1), -1) * left[..., None]
    return Seen(seen + behind, weights, 1 - left)


def stratified(key: Key | None, near: float, far: float, count: int) -> Array:
    """Distances `(count,)`: one at random in each of `count` equal pieces, eq. 2.

    Without a key their middles.
    """
    shift = jnp.full(count, 0.5) if key is None else jax.random.uniform(key, (count,), jnp.float32)
    return near + (far - near) * (jnp.arange(count, dtype=jnp.float32) + shift) / count
