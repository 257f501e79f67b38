"""The one place where gradients meet the optimiser, and the words that other steps are built of.

A step is written for one device, inside a named axis that `parallel` binds.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.metrics.accumulate import total
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Key, LossFn, Pairs, Prepare, Tree

AXIS = "device"
Step = Callable[[TrainState, Batch], tuple[TrainState, Pairs]]


def make_train_step(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    prepare: Prepare,
    *,
    axis_name: str | None = AXIS,
    ema: float = 0.0,
    after_update: Callable[[TrainState], TrainState] = lambda state: state,
) -> Step:
    """One update of `loss_fn(params, extra, batch, key) -> (loss, (extra, metrics))`.

    Gradients and `extra` are averaged, metrics summed, over `axis_name`. A step whose loss or
    gradient is not finite changes nothing but its number. `ema` is the decay of averaged
    parameters (0: none); `after_update` sees the new state (a teacher's moving average, a
    constraint).
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)  # same step, same noise, even resumed
        batch = prepare(row_keys(key, batch, axis_name), batch, True)
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, (extra, metrics)), grads = grad_fn(
            state.params, state.extra, batch, device_key(key, axis_name)
        )
        loss, grads, extra = average((loss, grads, extra), axis_name)
        grad_norm = optax.global_norm(grads)
        opt_state = with_hyper(state.opt_state, state.hyper)
        updates, opt_state = tx.update(grads, opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        new = state.replace(params=params, extra=extra, opt_state=opt_state)
        if ema:
            new = new.replace(ema=optax.incremental_update(params, state.ema, 1 - ema))
        state = keep_if_finite(loss + grad_norm, after_update(new), state)
        metrics = {**total(metrics, axis_name), "grad_norm": (grad_norm, 1)}
        return state.replace(step=state.step + 1), metrics

    return train_step


def row_keys(key: Key, batch: Batch, axis_name: str | None = AXIS) -> Key:
    """One key a row, `(B,)`, by its place in the global batch: the same on any devices."""
    leaves = jax.tree.leaves(dict(batch))
    rows = leaves[0].shape[0] if leaves else 0
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * rows
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(rows))


def device_key(key: Key, axis_name: str | None = AXIS) -> Key:
    """A key of this device's own (dropout depends on the number of devices)."""
    key = jax.random.fold_in(key, 2**31 - 1)  # no row has this number
    return key if axis_name is None else jax.random.fold_in(key, jax.lax.axis_index(axis_name))


def average(tree: Tree, axis_name: str | None = AXIS) -> Tree:
    """The mean over devices, leaf by leaf."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def global_mean(
    values: Array, weights: Array | None = None, *, axis_name: str | None = AXIS
) -> Array:
    """Weighted mean over the rows of *all* devices, as a value to differentiate and then average.

    sum(w v) / (mean over devices of sum(w)): its mean over devices is the global weighted mean, so
    1 and 8 devices agree in value and gradient even where their shares of the weights differ. 0
    where no weight is left. Without `weights` every value counts once.
    """
    weights = jnp.ones_like(values) if weights is None else weights.astype(values.dtype)
    count = average(jnp.sum(weights), axis_name)
    return jnp.sum(jnp.where(weights > 0, weights * values, 0)) / jnp.where(count > 0, count, 1)


def keep_if_finite(witness: Array, new: TrainState, old: TrainState) -> TrainState:
    """`new` where the scalar `witness` is finite, else `old`."""
    ok = jnp.isfinite(witness)
    return jax.tree.map(lambda a, b: jnp.where(ok, a, b), new, old)


def with_hyper(opt_state: Any, hyper: Tree) -> Any:
    """`opt_state` (of `optax.inject_hyperparams`) with the numbers in `hyper`, if there are any."""
    return opt_state._replace(hyperparams=dict(hyper)) if hyper else opt_state


def apply_train(
    model: nn.Module, params: Tree, extra: Tree, x: Any, key: Key, **options: Any
) -> tuple[Any, Tree]:
    """(`model`'s output in training mode, the collections it changed); `key` feeds dropout.

    `options` go to the call of the model, `stages=True` say.
    """
    variables, rngs = {"params": params, **extra}, {"dropout": key}
    out, changed = model.apply(variables, x, train=True, rngs=rngs, mutable=list(extra), **options)
    return out, changed
