"""Truncated backpropagation through time: the state of each row is carried from step to step.

Gradients end at the border of a chunk (Williams & Peng 1990); the state does not. It lives in
`TrainState.local`, one row for each row of the batch, and is saved with it.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.metrics.accumulate import total
from jaxdl.training.state import TrainState
from jaxdl.training.step import (
    Step,
    apply_gradients,
    average,
    device_key,
    finish_step,
    move_averages,
    row_keys,
)
from jaxdl.training.task import Task
from jaxdl.typing import AXIS, Array, Batch, Key, Pairs, Prepare, Tree

CarriedLoss = Callable[[Tree, Tree, Batch, Key], tuple[Array, tuple[Tree, Pairs]]]


def make_tbptt_step(
    loss_fn: CarriedLoss,
    tx: optax.GradientTransformation,
    prepare: Prepare,
    *,
    fresh_every: int,
    ema: float = 0.0,
    axis_name: str | None = AXIS,
) -> Step:
    """One update of `loss_fn(params, carried, batch, key) -> (loss, (carried, metrics))`.

    `carried` starts from zeros at every step that `fresh_every` divides: the start of an epoch.
    `ema` is the decay of `move_averages`.
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        batch = prepare(row_keys(key, batch, axis_name), batch, train=True)
        own = device_key(key, axis_name)
        fresh = state.step % fresh_every == 0
        carried = jax.tree.map(lambda x: jnp.where(fresh, 0, x), state.local)
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, (carried, metrics)), grads = grad_fn(state.params, carried, batch, own)
        loss, grads = average((loss, grads), axis_name)
        new = move_averages(apply_gradients(tx, state, grads), ema).replace(local=carried)
        return finish_step(state, new, loss, grads, total(metrics, axis_name))

    return step


def with_carried(task: Task, loss_fn: CarriedLoss, start: Any, *, ema: float = 0.0) -> Task:
    """`task` with a step that carries `start`, arrays of a row for each row of the batch."""
    assert task.tx is not None
    split = task.splits["train"]
    fresh_every = split.steps_per_epoch
    step = make_tbptt_step(loss_fn, task.tx, task.prepare, fresh_every=fresh_every, ema=ema)
    init = lambda key: task.init(key).replace(local=start)  # noqa: E731
    return dataclasses.replace(task, step=step, init=init)
