"""A recurrent net over a whole sequence, with one product for the gradient of its matrix."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.typing import Array

State = tuple[Array, ...]
Point = Callable[[State, Array, Array], State]  # (state, W_x x, W_h h) -> state, h first


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def rnn_scan(
    point: Point, reverse: bool, wh: Array, start: State, zx: Array, kept: Array | None
) -> tuple[Array, State]:
    """Applies `state = point(state, zx[t], h @ wh)` for every t, h the first part of the state.

    Where `kept` is False the state stays as it is. The gradient of `wh` is one product after the
    loop: a loop that adds up a product a step is half as fast.

    Args: `wh` `(H, G)`, `start` parts `(B, H)`, `zx` `(T, B, G)`, `kept` `(T, B)` bool
    or None (all); `reverse` begins at the last t. Returns: h of every t `(T, B, H)`, last state.
    """
    return _forward(point, reverse, wh, start, zx, kept)[0]


def advance(point: Point, wh: Array, state: State, zx: Array) -> State:
    """One step of `rnn_scan`, without a mask: `zx` `(B, G)`."""
    return point(state, zx, state[0] @ wh)


def _hold(point: Point, state: State, zx: Array, zh: Array, kept: Array | None) -> State:
    new = point(state, zx, zh)
    if kept is None:
        return new
    return jax.tree.map(lambda a, b: jnp.where(kept[:, None], a, b), new, state)


def _forward(
    point: Point, reverse: bool, wh: Array, start: State, zx: Array, kept: Array | None
) -> tuple[tuple[Array, State], Any]:
    def step(state: State, inputs: Any) -> Any:
        z, keep = inputs
        zh = state[0] @ wh
        new = _hold(point, state, z, zh, keep)
        return new, (new[0], state, zh)

    last, (h, before, zh) = jax.lax.scan(step, start, (zx, kept), reverse=reverse)
    return (h, last), (wh, before, zx, zh, kept)


def _backward(point: Point, reverse: bool, residuals: Any, cotangent: Any) -> Any:
    wh, before, zx, zh, kept = residuals
    dh, dlast = cotangent

    def step(dstate: State, inputs: Any) -> Any:
        dh_t, state, z, zh_t, keep = inputs
        dstate = (dstate[0] + dh_t, *dstate[1:])
        _, pull = jax.vjp(lambda s, a, b: _hold(point, s, a, b, keep), state, z, zh_t)
        dstate, dz, dzh = pull(dstate)
        return (dstate[0] + dzh @ wh.T, *dstate[1:]), (dz, dzh)

    inputs = (dh, before, zx, zh, kept)
    dstart, (dzx, dzh) = jax.lax.scan(step, dlast, inputs, reverse=not reverse)
    h, dz = before[0], dzh  # over rows: a product that contracts two axes copies its operands
    dwh = h.reshape(-1, h.shape[-1]).T @ dz.reshape(-1, dz.shape[-1])
    return dwh, dstart, dzx, None


rnn_scan.defvjp(_forward, _backward)
