"""Class activation maps: the channels of a stage, weighted by what they mean to a score."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.interpret.network import (
    Network,
    Score,
    Target,
    score_of,
    scores,
    shifted_score,
    stage_gradient,
)
from jaxdl.ops.resize import resize
from jaxdl.typing import Array


def grad_cam(network: Network, images: Array, target: Target, *, stage: str | None = None) -> Array:
    """relu(sum_c w_c A_c), w_c the mean gradient of channel c of the stage A: `(B, h, w)`.

    Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2. Without `stage` it is the last that is a
    map. The map is as coarse as that; `enlarge` brings it to the picture.
    """
    maps, grads = stage_gradient(network, images, target, _map_stage(network, images, stage))
    weights = grads.mean((1, 2), keepdims=True)
    return jax.nn.relu((weights * maps).sum(-1))


def cam(network: Network, images: Array, target: Target, *, stage: str | None = None) -> Array:
    """sum_c w_c A_c, w_c the weight of the pooled channel c in the score: `(B, h, w)`.

    Zhou et al. 2016, arXiv 1512.04150, eq. 2: for networks that end with the mean over all
    positions and one linear layer. The mean of the map is the score without its bias. Raises
    UsageError for a stage behind which a network does anything else.
    """
    stage = _map_stage(network, images, stage)
    maps, grads = stage_gradient(network, images, target, stage)
    total = (grads.sum((1, 2), keepdims=True) * maps).sum(-1)
    bias = _score_of_nothing(network, images, score_of(network, images, target), stage, maps)
    alike = jnp.ptp(grads, axis=(1, 2)) <= 1e-4 * jnp.abs(grads).max((1, 2)) + 1e-12
    whole = jnp.allclose(total.mean((1, 2)) + bias, scores(network, images, target), 1e-3, 1e-4)
    if not (np.all(alike) and whole):
        raise UsageError(
            f"cam: the network must be a mean and one linear layer behind stage {stage!r}; "
            "use grad_cam"
        )
    return total


def enlarge(maps: Array, size: tuple[int, int]) -> Array:
    """`(B, h, w)` -> `(B, *size)`, bilinear between the centers of cells."""
    return resize(maps[..., None], size)[..., 0]


def _map_stage(network: Network, images: Array, stage: str | None) -> str:
    maps = network.maps(images)
    if not maps:
        kind = type(network.model).__name__
        raise UsageError(f"grad_cam: no stage of {kind} is a map (B, h, w, C)")
    if stage is not None and stage not in maps:
        raise UsageError(f"grad_cam: stage must be one of {', '.join(maps)}, got {stage!r}")
    return stage or maps[-1]


@partial(jax.jit, static_argnames="stage")
def _score_of_nothing(
    network: Network, images: Array, score: Score, stage: str, maps: Array
) -> Array:
    return shifted_score(network, images, score, stage, -maps)[0]
