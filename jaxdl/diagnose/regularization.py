"""A task without what keeps a network from learning rows by heart: found by its kind, not by name.

Augmentation is what `prepare` does in training; layers that draw have a field `deterministic`;
terms of the loss are config fields of type `typing.Regularizer`. What remains (the noise of a
diffusion, of a VAE's code) is part of the objective: its draws are made the same at each step.
The optimizer's own (decay, l1, max_norm, averages) go with the optimizer.
"""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxdl.typing import REGULARIZER, Batch, Key, LossFn, LossOutput, Prepare, Tree


def without_regularization(cfg: Any) -> list[str]:
    """Flags that switch off every field of `cfg` that is a `Regularizer`."""
    return [f"--{name}=0.0" for name in _active(cfg, "")]


def _active(cfg: Any, prefix: str) -> Iterator[str]:
    kinds = typing.get_type_hints(type(cfg), include_extras=True)
    for field in dataclasses.fields(cfg):
        value = getattr(cfg, field.name)
        if dataclasses.is_dataclass(value):
            yield from _active(value, f"{prefix}{field.name}.")
        elif REGULARIZER in getattr(kinds[field.name], "__metadata__", ()) and np.any(value):
            yield prefix + field.name


def plain_prepare(prepare: Prepare) -> Prepare:
    """`prepare` as evaluation has it, each row's draws the same every time."""

    def prepare_plainly(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return prepare(jax.random.split(jax.random.key(0), len(keys)), batch, train=False)

    return prepare_plainly


def plain_loss(loss_fn: LossFn) -> LossFn:
    """`loss_fn` in training mode (batch norm), whose layers draw nothing and whose key is fixed."""

    def loss_plainly(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        with nn.intercept_methods(_without_draws):
            return loss_fn(params, extra, batch, jax.random.key(0))

    return loss_plainly


def _without_draws(
    call: Any, args: Any, options: Any, context: nn.module.InterceptorContext
) -> Any:
    """Dropout returns its input; another layer with `deterministic` is told to be so."""
    module: Any = context.module
    if context.method_name != "__call__" or not hasattr(module, "deterministic"):
        return call(*args, **options)
    if isinstance(module, nn.Dropout):
        return args[0]
    told = module.deterministic
    object.__setattr__(module, "deterministic", True)  # a module is frozen
    try:
        return call(*args, **options)
    finally:
        object.__setattr__(module, "deterministic", told)
