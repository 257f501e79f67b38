"""Training of a network of which only part of the weights is there."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.optim.config import OptimConfig
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.optim.pruning import masked
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, with_loss
from jaxdl.typing import Batch, Key, LossOutput, Tree

MASKS = "masks"  # the collection of a state's `extra`: 1 where a weight is there, else 0


def pruned_task(task: Task, optim: OptimConfig, loop: LoopConfig) -> Task:
    """`task`, whose states have masks, at first of every weight; what is out stays out.

    One program serves all masks, because they are part of the state.
    """
    assert task.loss_fn is not None, "pruning is of a loss's parameters"
    base = task.loss_fn

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        rest = {name: value for name, value in extra.items() if name != MASKS}
        loss, (rest, metrics) = base(masked(params, extra[MASKS]), rest, batch, key)
        return loss, ({**rest, MASKS: extra[MASKS]}, metrics)

    def init(key: Key) -> TrainState:
        state = task.init(key)
        return with_masks(state, jax.tree.map(jnp.ones_like, state.params))

    steps = total_steps(loop, task.splits["train"].steps_per_epoch)
    made = with_loss(task, loss_fn, make_optimizer(optim, steps), optim, steps)
    return dataclasses.replace(made, init=init)


def masks_of(state: TrainState) -> Any:
    """Which weights of the state are there."""
    return state.extra[MASKS]


def with_masks(state: TrainState, masks: Tree) -> TrainState:
    """`state` with only the weights that `masks` say."""
    kept = jax.tree.map(lambda mask: jnp.asarray(mask, jnp.float32), masks)
    extra = {**state.extra, MASKS: kept}
    return state.replace(params=masked(state.params, kept), extra=extra)


def start_from(task: Task, params: Tree, masks: Tree) -> Callable[[Key], TrainState]:
    """The `init` of a run that begins with `params`, a fresh optimizer, and `masks`."""

    def init(key: Key) -> TrainState:
        return with_masks(task.init(key).replace(params=params), masks)

    return init
