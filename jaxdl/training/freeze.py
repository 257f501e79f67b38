"""Parameters that stay as they are: no update, no decay, and statistics that do not move."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import optax

from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.optim.config import OptimConfig
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.optim.param_patterns import match_paths
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.task import Task, with_loss
from jaxdl.typing import Batch, Key, LossFn, LossOutput, Tree


def frozen_mask(params: Tree, patterns: Sequence[str]) -> Tree:
    """True for the parameters that `patterns` fit; see `match_paths`."""
    return match_paths("freeze", params, patterns)


def freeze_task(task: Task, optim: OptimConfig, loop: LoopConfig, patterns: Sequence[str]) -> Task:
    """`task`, a model's under `optim` in a run of `loop`, with what `patterns` fit frozen.

    Batch norms whose parameters are frozen use their running statistics in training, too, and
    leave them as they are.
    """
    assert task.model is not None, "freezing is by the paths of a model's parameters"
    assert task.loss_fn is not None, "freezing is of a loss's parameters"
    if not patterns:
        return task
    params = jax.eval_shape(task.init, jax.random.key(0)).params
    mask = frozen_mask(params, patterns)
    steps = total_steps(loop, task.splits["train"].steps_per_epoch)
    tx = freeze_updates(make_optimizer(optim, steps), mask)
    return with_loss(task, freeze_loss(task.loss_fn, mask), tx, optim, steps)


def freeze_updates(
    tx: optax.GradientTransformation, mask: Tree
) -> optax.GradientTransformationExtraArgs:
    """`tx`, which sees no gradient of what `mask` says and moves none of it."""
    tx = optax.with_extra_args_support(tx)

    def still(tree: Tree, value: float) -> Tree:
        return jax.tree.map(lambda x, no: jnp.full_like(x, value) if no else x, tree, mask)

    def update(updates: Tree, state: Any, params: Tree = None, **extra: Any) -> tuple[Tree, Any]:
        updates, state = tx.update(still(updates, 0.0), state, params, **extra)
        return still(updates, -0.0), state  # p + -0.0 is p to the last bit, -0.0 too

    return optax.GradientTransformationExtraArgs(tx.init, update)


def freeze_loss(loss_fn: LossFn, mask: Tree) -> LossFn:
    """`loss_fn` without gradients of what `mask` says; see `frozen_norms`."""

    def frozen(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        stopped = jax.tree.map(lambda p, no: jax.lax.stop_gradient(p) if no else p, params, mask)
        with frozen_norms(mask):
            return loss_fn(stopped, extra, batch, key)

    return frozen


@contextmanager
def frozen_norms(mask: Tree) -> Iterator[None]:
    """While it is open, batch norms whose scale `mask` freezes are called as in evaluation."""
    flat: Any = flax.traverse_util.flatten_dict(mask, sep="/")

    def intercept(
        call: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext
    ) -> Any:
        module = context.module
        if isinstance(module, BatchNorm) and flat.get("/".join((*module.path, "scale"))):
            object.__setattr__(module, "train", False)  # a module lives for one call of its parent
        return call(*args, **kwargs)

    with nn.intercept_methods(intercept):
        yield
