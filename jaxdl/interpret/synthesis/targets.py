"""What a picture is made to excite, as functions of stages. Classes and `Unit` are in `network`."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError, unknown
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


@dataclass(frozen=True)
class Channel:
    """The mean of one channel over all positions of a stage."""

    stage: str
    channel: int

    def __call__(self, stages: Stages) -> Array:
        """`(B,)`. Raises UsageError for a stage or a channel that is not there."""
        values = _stage(stages, self.stage)
        if not 0 <= self.channel < values.shape[-1]:
            raise UsageError(
                f"channel {self.channel} of {self.stage}: must be in 0 to {values.shape[-1] - 1}"
            )
        return values[..., self.channel].reshape(len(values), -1).mean(1)


@dataclass(frozen=True)
class Direction:
    """The projection on a direction among the channels of a stage, as the mean over positions.

    f . v / |v|: that of a sum of channels, of a class's weights, of a difference of two pictures.
    """

    stage: str
    vector: tuple[float, ...]

    def __call__(self, stages: Stages) -> Array:
        """`(B,)`. Raises UsageError for a stage or a vector that does not fit."""
        values = _stage(stages, self.stage)
        vector = jnp.array(self.vector, values.dtype)
        if vector.shape != values.shape[-1:] or not any(self.vector):
            raise UsageError(
                f"direction in {self.stage}: must be {values.shape[-1]} numbers, one per channel, "
                f"not all 0; got {len(self.vector)}"
            )
        unit = vector / jnp.linalg.norm(vector)
        return (values @ unit).reshape(len(values), -1).mean(1)


@dataclass(frozen=True)
class Energy:
    """sum f^2 over a stage, DeepDream's (Mordvintsev et al. 2015, "Inceptionism")."""

    stage: str

    def __call__(self, stages: Stages) -> Array:
        """`(B,)`. Raises UsageError for a stage that is not there."""
        values = _stage(stages, self.stage)
        return jnp.sum(jnp.square(values).reshape(len(values), -1), 1)


def _stage(stages: Stages, name: str) -> Array:
    if name not in stages:
        raise unknown("stage", name, stages)
    return stages[name]
