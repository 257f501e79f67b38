"""Named stages: what a model computes on its way to the logits, for features and for pictures.

Every model is called in one of two ways:

- `model.apply(variables, x, train=False)` gives the logits `(B, num_classes)`;
- `model.apply(variables, x, train=False, stages=True)` gives a dict from stage name to array, the
  logits included. Under `jax.jit` stages that are not used cost nothing.

With `num_classes=0` a model has no classifier and ends with its last features, which is how other
networks take it as a backbone: `create_model("resnet50", 0)(x, train=train, stages=True)["stage3"]`
inside another module's `__call__`.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.typing import Array

Stages = dict[str, Array]


def stage_shapes(model: nn.Module, example_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Stage name -> shape without the batch, in order, for an example of shape `(H, W, C)`.

    Nothing is computed. Raises ValueError for a module that has no named stages.
    """
    if "stages" not in inspect.signature(type(model).__call__).parameters:
        raise ValueError(f"stage_shapes: {type(model).__name__} has no named stages")
    shapes = {}

    def call(key: Array, x: Array) -> None:
        found: Any = model.init_with_output(key, x, train=False, stages=True)[0]
        # In here, since a dict that leaves a traced function has its keys sorted.
        shapes.update({name: value.shape[1:] for name, value in found.items()})

    key = jax.eval_shape(jax.random.key, 0)
    jax.eval_shape(call, key, jax.ShapeDtypeStruct((1, *example_shape), jnp.float32))
    return shapes
