"""Gradient descent written out: parameters in, parameters out, the whole run one program."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.tree_util import Partial

from jaxdl.typing import Array, ArrayLike, Key, Tree


def gradient_descent(
    loss: Callable[..., Array],
    params: Tree,
    *data: ArrayLike,
    rate: float | ArrayLike,
    steps: int,
    momentum: float | ArrayLike = 0.0,
) -> tuple[Tree, Array]:
    """`steps` of v <- momentum v + gradient, params <- params - rate v on all of `data`.

    `loss(params, *data)` is a scalar; a `jax.tree_util.Partial` of a function may hold numbers (a
    penalty's strength), one program then serves all their values. `rate` is a number, or one per
    step `(steps,)`. Returns the parameters and the loss before each step `(steps,)`.
    """
    rates = jnp.broadcast_to(jnp.asarray(rate, jnp.float32), (steps,))
    return _run(_as_tree(loss), params, data, None, rates, momentum)


def descend_batches(
    loss: Callable[..., Array],
    params: Tree,
    order: ArrayLike,
    *data: ArrayLike,
    rate: float | ArrayLike,
    momentum: float | ArrayLike = 0.0,
) -> tuple[Tree, Array]:
    """As `gradient_descent`, each step on the rows of `data` that `order` `(steps, B)` names."""
    rates = jnp.broadcast_to(jnp.asarray(rate, jnp.float32), (len(order),))
    return _run(_as_tree(loss), params, data, order, rates, momentum)


@partial(jax.jit, static_argnames=("size", "batch_size", "epochs"))
def batch_order(key: Key, size: int, batch_size: int, epochs: int) -> Array:
    """Row numbers of each step of `epochs` shuffled epochs, `(steps, B)`; no partial batch.

    An epoch has size // batch_size steps: 10,000 rows in batches of 1,000 are 10.
    """
    if not 1 <= batch_size <= size:
        raise ValueError(f"batch_order: batch_size must lie in [1, {size}], got {batch_size}")
    full = size // batch_size * batch_size
    shuffle = jax.vmap(lambda key: jax.random.permutation(key, size)[:full])
    return shuffle(jax.random.split(key, epochs)).reshape(-1, batch_size)


@jax.jit
def _run(loss, params, data, order, rates, momentum):
    data = [jnp.asarray(values) for values in data]

    def step(carry, item):
        rows, rate = item
        params, velocity = carry
        batch = data if rows is None else [values[rows] for values in data]
        value, slope = jax.value_and_grad(loss, argnums=0)(params, *batch)
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, slope)
        return (jax.tree.map(lambda p, v: p - rate * v, params, velocity), velocity), value

    still = jax.tree.map(jnp.zeros_like, params)
    (params, _), history = lax.scan(step, (params, still), (order, rates))
    return params, history


def _as_tree(loss: Callable[..., Array]) -> Partial:
    return loss if isinstance(loss, Partial) else Partial(loss)
