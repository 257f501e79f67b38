"""Colors as a histogram over bins of a and b (Zhang et al. 2016, arXiv 1603.08511)."""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.ops.color_space import rgb_to_lab
from jaxdl.ops.distance import squared_euclidean
from jaxdl.typing import Array, Host

SIDE = 10  # of a bin, in units of a and b
NEAREST, SIGMA = 5, 5.0  # of the soft code


@dataclass(frozen=True)
class ColorBins:
    """The bins that sRGB reaches, and how a color is written in them."""

    uniform: float = 0.5
    """Share of the uniform distribution in that of the bins before weights are taken (eq. 4)."""
    temperature: float = 0.38
    """Of the annealed mean (eq. 5): 1 the mean, towards 0 the likeliest bin."""

    @cached_property
    def centers(self) -> Host:
        """`(Q, 2)`: a and b, multiples of ten, of all bins that a color of sRGB falls into."""
        steps = np.linspace(0, 1, 33, dtype=np.float32)
        cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        with jax.ensure_compile_time_eval():
            ab = np.asarray(rgb_to_lab(jnp.asarray(cube)))[:, 1:]
        return np.unique(np.round(ab / SIDE), axis=0).astype(np.float32) * SIDE

    def encode(self, ab: Array) -> Array:
        """The soft code of colors, `(N, 2)` -> `(N, Q)`: five nearest bins, by a Gaussian."""
        squares = squared_euclidean(ab, jnp.asarray(self.centers))
        near, bins = jax.lax.top_k(-squares, NEAREST)
        weights = jax.nn.softmax(near / (2 * SIGMA**2), axis=1)
        rows = jnp.arange(len(ab))[:, None]
        return jnp.zeros_like(squares).at[rows, bins].set(weights)

    def class_weights(self, ab: Host) -> Host:
        """What each bin counts, `(Q,)`, by how rare it is among colors `(N, 2)`; 1 on average."""
        share = np.asarray(self.encode(jnp.asarray(ab, jnp.float32)).mean(axis=0), np.float64)
        weights = 1 / ((1 - self.uniform) * share + self.uniform / len(share))
        return (weights / np.sum(share * weights)).astype(np.float32)

    def decode(self, logits: Array) -> Array:
        """The annealed mean of a distribution, `(..., Q)` -> a and b `(..., 2)`."""
        return jax.nn.softmax(logits / self.temperature, axis=-1) @ jnp.asarray(self.centers)
