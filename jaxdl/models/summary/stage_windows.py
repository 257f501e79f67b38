"""Which pixels a place of a stage sees."""

import math
from collections.abc import Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, unknown
from jaxdl.models.summary.flops import output_fields
from jaxdl.models.summary.receptive_field import WHOLE, Field, unit_receptive_field

Window = tuple[int, int, int, int]  # first row, first column, one past the last ones


def stage_field(model: nn.Module, example_shape: Sequence[int], stage: str) -> Field:
    """The receptive field of a stage of a model, in evaluation; nothing is computed.

    Raises UsageError for a stage that is not there.
    """
    x = jax.ShapeDtypeStruct((1, *example_shape), jnp.float32)
    variables = jax.eval_shape(
        partial(model.init, train=False), jax.eval_shape(jax.random.key, 0), x
    )
    apply = partial(model.apply, train=False, stages=True)
    closed, shapes = jax.make_jaxpr(apply, return_shape=True)(variables, x)
    fields = [None] * len(jax.tree.leaves(variables)) + [unit_receptive_field(x.shape)]
    outputs = output_fields(closed, fields)
    by_stage = dict(zip(sorted(shapes), outputs, strict=True))  # JAX sorts the keys of a dict
    if stage not in by_stage:
        raise unknown("stage", stage, by_stage)
    return by_stage[stage]


def window_of(field: Field, place: tuple[int, int], size: tuple[int, int]) -> Window:
    """The pixels of an image of this size that the place (row, column) of a map can depend on."""
    if field is None or len(field) != 2:
        raise UsageError("window_of: the value must be a map over an image's rows and columns")
    sides = []
    for reach, at, length in zip(field, place, size, strict=True):
        if reach == WHOLE:
            sides.append((0, length))
            continue
        low, high = reach.low + reach.step * at, reach.high + reach.step * at
        sides.append((max(0, math.floor(low)), min(length, math.floor(high) + 1)))
    (top, bottom), (left, right) = sides
    return top, left, bottom, right
