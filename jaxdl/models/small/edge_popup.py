"""A network whose weights are never learned, only which of them are there.

Ramanujan et al. 2020, "What's Hidden in a Randomly Weighted Neural Network?", arXiv 1911.13299.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class PopupDense(nn.Module):
    """A linear layer without biases, of whose weights the share `keep` is there.

    A weight is plus or minus sqrt(2 / (keep fan_in)) (section 4.2, scaled signed Kaiming constant),
    in the collection `fixed`; `scores` are the parameters, the highest are there. The gradient of
    a weight's presence goes to the size of its score, whether it is there or not.
    `(..., D)` -> `(..., features)`.
    """

    features: int
    keep: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (x.shape[-1], self.features)
        start = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # torch's, a = sqrt 5
        scores = jnp.abs(self.param("scores", start, shape, jnp.float32))

        def draw() -> Array:
            signs = jax.random.rademacher(self.make_rng("params"), shape, jnp.float32)
            return signs * (2 / (self.keep * shape[0])) ** 0.5

        kernel = self.variable("fixed", "kernel", draw).value
        there = top_share(jax.lax.stop_gradient(scores), self.keep)
        return x @ (kernel * (there + scores - jax.lax.stop_gradient(scores)))


def top_share(scores: Array, share: float) -> Array:
    """1 for the `share` of the entries that are largest, else 0; equal ones may be more.

    `scores`, float32, are not negative, so that their bits are in their order: the smallest of the
    largest is found bit by bit, many times as fast as by sorting.
    """
    count = max(1, round(share * scores.size))
    bits = jax.lax.bitcast_convert_type(scores, jnp.uint32)

    def next_bit(i: Array, least: Array) -> Array:
        more = least | (jnp.uint32(1) << (30 - i).astype(jnp.uint32))
        return jnp.where(jnp.sum(bits >= more) >= count, more, least)

    least = jax.lax.fori_loop(0, 31, next_bit, jnp.uint32(0))
    return (bits >= least).astype(scores.dtype)


@register("edge_popup_mlp")
class EdgePopupMLP(nn.Module):
    """Hidden layers of `PopupDense` and ReLU, then one to the classes: `(B, ...)` -> logits."""

    num_classes: int
    hidden: tuple[int, ...] = (512, 512)  # widths of the hidden layers
    keep: float = 0.5  # share of each layer's weights that is there

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        del train
        out: Stages = {}
        x = x.reshape(len(x), -1)
        for i, width in enumerate(self.hidden, 1):
            x = out[f"hidden{i}"] = jax.nn.relu(self._layer(width, f"dense{i}")(x))
        if self.num_classes:
            x = out["logits"] = self._layer(self.num_classes, "head")(x)
        return out if stages else x

    @nn.nowrap
    def _layer(self, width: int, name: str) -> Any:
        return PopupDense(width, self.keep, name=name)
