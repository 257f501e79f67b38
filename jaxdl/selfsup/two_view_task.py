"""The task of learning from two views of each image: one step for all methods.

Beside the batch statistics `extra` has, where the method needs it, `target`, the variables of a
moving average of the network, and `queue`, what it has made of earlier batches. Both are equal on
all devices.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.data.splits.split import Split
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.embedding import deviation
from jaxdl.ops.collectives import gather_rows
from jaxdl.ops.distance import unit_rows
from jaxdl.optim.config import OptimConfig, check_without
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.selfsup.two_view_methods import MethodConfig, Views
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean, make_train_step
from jaxdl.training.task import Evaluate, Task, supervised
from jaxdl.typing import AXIS, Array, Batch, Key, LossFn, LossOutput, Numbers, Prepare, Tree

TARGET, QUEUE = "target", "queue"
COLLAPSED = 0.1  # a deviation below it tells a collapse


def two_view_task(
    method: MethodConfig,
    model: JointEmbedding,
    splits: Mapping[str, Split],
    prepare: Prepare,
    optim: OptimConfig,
    *,
    loop: LoopConfig,
    evaluate: Evaluate | None = None,
) -> Task:
    """The task of `method`; a prepared batch has two views, `image (B, 2, H, W, C)`.

    The run warns where all images get nearly one embedding.
    """
    check_without(optim, "accumulate_steps", "ema", "swa", "line_search", who="two views")
    loss_fn = two_view_loss(method, model)
    task = supervised(model, splits, prepare, loss_fn, optim, loop=loop, evaluate=evaluate)

    def init(key: Key) -> TrainState:
        state = task.init(key)
        extra = dict(state.extra)
        if method.momentum:
            copies = jax.tree.map(jnp.copy, {"params": state.params, **state.extra})
            extra[TARGET] = copies
        if method.queue_size:
            shape = method.queue_size, model.projector[-1]
            keys = unit_rows(jax.random.normal(jax.random.fold_in(key, 1), shape, jnp.float32))
            extra[QUEUE] = {"keys": keys}
        return state.replace(extra=extra)

    def follow(state: TrainState) -> TrainState:
        """The averaged network takes a step towards the new one."""
        if TARGET not in state.extra:
            return state
        target = state.extra[TARGET]
        params = optax.incremental_update(state.params, target["params"], 1 - method.momentum)
        return state.replace(extra={**state.extra, TARGET: {**target, "params": params}})

    assert task.tx is not None, "supervised gives it"
    step = make_train_step(loss_fn, task.tx, prepare, after_update=follow)
    return dataclasses.replace(task, init=init, step=step, warning=collapse)


def two_view_loss(method: MethodConfig, model: JointEmbedding) -> LossFn:
    """The loss of `method`; its metrics are `loss` and `deviation`, of the embedding."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        images = batch["image"].reshape(-1, *batch["image"].shape[2:])
        statistics = {name: tree for name, tree in extra.items() if name not in (TARGET, QUEUE)}
        out, new = apply_train(model, params, statistics, images, key)
        new, target = dict(new), out["z"]
        if TARGET in extra:
            target, new[TARGET] = averaged_embedding(model, extra[TARGET], images, key)
        queue = jnp.zeros((0, target.shape[1]), target.dtype)
        pair = split_views(target)
        if QUEUE in extra:
            queue = extra[QUEUE]["keys"]
            new[QUEUE] = {"keys": push(queue, pair)}
        loss = method.losses(split_views(out["z"]), split_views(out.get("p", target)), pair, queue)
        spread = deviation(jax.lax.stop_gradient(out["z"]), axis_name=AXIS)
        return global_mean(loss), (new, {"loss": weighted(loss), "deviation": (spread, 1)})

    return loss_fn


def collapse(row: Numbers) -> str:
    """What a row of the log tells of a collapse, "" if the embeddings are apart."""
    spread = row.get("deviation", 1.0)
    if spread >= COLLAPSED:
        return ""
    return (
        f"the embeddings collapse: their deviation is {spread:.3g} (1: in all directions, 0: one "
        "for all images), however small the loss; keep method.stop_gradient, or take a smaller "
        "optim.lr or a method with negatives (simclr, moco)"
    )


def averaged_embedding(
    model: JointEmbedding, target: Tree, images: Array, key: Key
) -> tuple[Array, Tree]:
    """What the averaged network makes of images, without a gradient; its new variables."""
    variables: Any = jax.lax.stop_gradient(dict(target))
    params = variables.pop("params")
    out, new = apply_train(model, params, variables, images, key)
    return jax.lax.stop_gradient(out["z"]), {"params": params, **new}


def push(queue: Array, views: Views) -> Array:
    """`queue (N, D)` with the embeddings of all devices in front, and its oldest rows gone."""
    fresh = jnp.concatenate([gather_rows(view, AXIS) for view in views])
    return jnp.concatenate([unit_rows(fresh), queue])[: len(queue)]


def split_views(rows: Array) -> Views:
    """`(2 B, D)`, the views of an image one behind the other -> both, `(B, D)`."""
    return rows[0::2], rows[1::2]
