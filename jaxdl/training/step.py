"""The one place where gradients meet the optimizer, and the words that other steps are built of.

A step is written for one device, inside a named axis that `parallel` binds.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxdl.checks import UsageError, check_one_of
from jaxdl.metrics.accumulate import total
from jaxdl.ops.collectives import pmean_tree
from jaxdl.training.state import TrainState
from jaxdl.typing import AXIS, Array, Batch, Key, LossFn, Pairs, Prepare, Tree

PRECISIONS = ("float32", "bfloat16")
Step = Callable[[TrainState, Batch], tuple[TrainState, Pairs]]


def make_train_step(
    loss_fn: LossFn,
    tx: optax.GradientTransformation,
    prepare: Prepare,
    *,
    axis_name: str | None = AXIS,
    ema: float = 0.0,
    accumulate: int = 1,
    after_update: Callable[[TrainState], TrainState] = lambda state: state,
) -> Step:
    """One update of `loss_fn(params, extra, batch, key) -> (loss, (extra, metrics))`.

    Gradients and `extra` are averaged, metrics summed, over `axis_name`. A step whose loss or
    gradient is not finite changes nothing but its number. `ema` is the decay of `move_averages`;
    `accumulate` takes a device's rows in so many parts, one after the other, and the mean of their
    gradients; `after_update` sees the new state (a teacher's moving average, a constraint).
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)  # same step, same noise, even resumed
        keys, own = row_keys(key, batch, axis_name), device_key(key, axis_name)
        (loss, (extra, metrics)), grads = accumulate_gradients(loss_fn, prepare, accumulate)(
            state, batch, keys, own
        )
        loss, grads, extra = average((loss, grads, extra), axis_name)
        new = move_averages(apply_gradients(tx, state, grads).replace(extra=extra), ema)
        return finish_step(state, after_update(new), loss, grads, total(metrics, axis_name))

    return train_step


def accumulate_gradients(loss_fn: LossFn, prepare: Prepare, parts: int) -> Callable[..., Any]:
    """`f(state, batch, keys, key) -> ((loss, (extra, metrics)), grads)`, the rows in `parts`.

    Each part is prepared and differentiated by itself, so that memory is needed for one of them;
    loss and gradients are means over the parts, metrics sums, `extra` passes from part to part.
    """

    def whole(state: TrainState, batch: Batch, keys: Key, key: Key, extra: Tree) -> Any:
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        return grad_fn(state.params, extra, prepare(keys, batch, train=True), key)

    def split(state: TrainState, batch: Batch, keys: Key, key: Key) -> Any:
        if parts == 1:
            return whole(state, batch, keys, key, state.extra)
        if len(keys) % parts:
            raise UsageError(
                f"optim.accumulate_steps: {len(keys)} rows of a device do not divide into {parts} "
                "parts"
            )

        def one(carry: Any, item: Any) -> Any:
            extra, sums = carry
            number, keys, batch = item
            own = jax.random.fold_in(key, number)
            (loss, (extra, metrics)), grads = whole(state, batch, keys, own, extra)
            return (extra, jax.tree.map(jnp.add, sums, grads)), (loss, metrics)

        pieces = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), (keys, dict(batch)))
        start = state.extra, jax.tree.map(jnp.zeros_like, state.params)
        (extra, grads), seen = jax.lax.scan(one, start, (jnp.arange(parts), *pieces))
        loss, metrics = jax.tree.map(lambda x: jnp.sum(x, axis=0), seen)
        loss, grads = jax.tree.map(lambda x: x / parts, (loss, grads))
        return (loss, (extra, metrics)), grads

    return split


def make_line_search_step(
    loss_fn: LossFn,
    tx: optax.GradientTransformationExtraArgs,
    prepare: Prepare,
    *,
    axis_name: str | None = AXIS,
    penalty: Callable[[Tree, Tree], Array] = lambda params, hyper: jnp.float32(0),
) -> Step:
    """As `make_train_step`, for a `tx` that searches along a line and calls the loss again.

    The loss that it sees is that of the same prepared batch, over all devices, plus
    `penalty(params, hyper)`; all its evaluations share the key of the step.
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Pairs]:
        key = jax.random.fold_in(state.key, state.step)
        batch = prepare(row_keys(key, batch, axis_name), batch, train=True)
        own = device_key(key, axis_name)

        def cost(params: Tree) -> Array:
            loss, _ = loss_fn(params, state.extra, batch, own)
            return loss + penalty(params, state.hyper)

        value_fn = averaged_value(cost, axis_name)
        _, (extra, metrics) = loss_fn(state.params, state.extra, batch, own)
        loss, grads = jax.value_and_grad(value_fn)(state.params)
        new = apply_gradients(tx, state, grads, value=loss, grad=grads, value_fn=value_fn)
        new = new.replace(extra=average(extra, axis_name))
        return finish_step(state, new, loss, grads, total(metrics, axis_name))

    return train_step


def apply_gradients(
    tx: optax.GradientTransformation,
    state: TrainState,
    grads: Tree,
    **options: Any,
) -> TrainState:
    """`state` with its parameters one update of `tx` on; `options` are those of its `update`."""
    opt_state = with_hyper(state.opt_state, state.hyper)
    updates, opt_state = tx.update(grads, opt_state, state.params, **options)
    return state.replace(params=optax.apply_updates(state.params, updates), opt_state=opt_state)


def move_averages(state: TrainState, decay: float) -> TrainState:
    """`state` with its averages moved by 1 - `decay` to what it has now (0: it keeps none).

    Batch statistics are averaged like parameters (torch's `AveragedModel(use_buffers=True)`, timm's
    `ModelEma`): those of the last parameters do not fit the averaged ones.
    """
    if not decay:
        return state
    ema, ema_extra = (
        optax.incremental_update(now, mean, 1 - decay)
        for now, mean in ((state.params, state.ema), (state.extra, state.ema_extra))
    )
    return state.replace(ema=ema, ema_extra=ema_extra)


def finish_step(
    old: TrainState, new: TrainState, loss: Array, grads: Tree, metrics: Pairs
) -> tuple[TrainState, Pairs]:
    """`new`, or `old` where loss or gradients are not finite, numbered on; the metrics."""
    grad_norm = optax.tree.norm(grads)
    state = keep_if_finite(loss + grad_norm, new, old)
    return state.replace(step=old.step + 1), {**metrics, "grad_norm": (grad_norm, 1)}


def averaged_value(cost: Callable[[Tree], Array], axis_name: str | None) -> Callable[..., Array]:
    """`cost` averaged over devices, as a function whose gradient is averaged, too."""

    @jax.custom_vjp
    def value(params: Tree) -> Array:
        return average(cost(params), axis_name)

    def forward(params: Tree) -> tuple[Array, Tree]:
        return average(jax.value_and_grad(cost)(params), axis_name)

    value.defvjp(forward, lambda slope, g: (jax.tree.map(lambda s: g * s, slope),))
    return value


def row_keys(key: Key, batch: Batch, axis_name: str | None = AXIS) -> Key:
    """One key per row, `(B,)`, by its place in the global batch: the same on any devices."""
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
    return pmean_tree(tree, axis_name)


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
    model: nn.Module,
    params: Tree,
    extra: Tree,
    x: Any,
    key: Key,
    *,
    precision: str = "float32",
    **options: Any,
) -> tuple[Any, Tree]:
    """(`model`'s output in training mode, the collections it changed); `key` feeds dropout.

    `precision` bfloat16 computes in it, from float32 parameters to float32 outputs; collections
    stay float32. `options` go to the call of the model, `stages=True` say.
    """
    check_one_of("precision", precision, PRECISIONS)
    dtype = jnp.dtype(precision)
    variables, rngs = {"params": cast_floats(params, dtype), **extra}, {"dropout": key}
    x = cast_floats(x, dtype)
    out, changed = model.apply(variables, x, train=True, rngs=rngs, mutable=list(extra), **options)
    kept = jax.tree.map(lambda new, old: new.astype(old.dtype), dict(changed), dict(extra))
    return cast_floats(out, jnp.float32), kept if extra else changed


def cast_floats(tree: Tree, dtype: Any) -> Tree:
    """`tree` with its float32 and bfloat16 arrays as `dtype`; all others stay."""
    kinds = (jnp.float32, jnp.bfloat16)
    return jax.tree.map(lambda x: x.astype(dtype) if x.dtype in kinds else x, tree)
