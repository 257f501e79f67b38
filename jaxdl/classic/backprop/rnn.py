"""One step of a recurrent network with its backward pass written out."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def rnn_step(x: Array, state: Array, w_x: Array, w_h: Array, bias: Array) -> Array:
    """h' = tanh(x W_x + h W_h + b). `(B, D)`, `(B, H)`, `(D, H)`, `(H, H)`, `(H,)` -> `(B, H)`.

    with a = dL/dh' (1 - h'^2): dL/dx = a W_x^T, dL/dh = a W_h^T, dL/dW_x = x^T a, dL/dW_h = h^T a,
    dL/db = sum of a
    """
    check_rank("rnn_step: x", x, 2)
    check_rank("rnn_step: state", state, 2)
    return _rnn_step(x, state, w_x, w_h, bias)


@jax.custom_vjp
def _rnn_step(x, state, w_x, w_h, bias):
    return _forward(x, state, w_x, w_h, bias)[0]


def _forward(x, state, w_x, w_h, bias):
    new = jnp.tanh(x @ w_x + state @ w_h + bias[None, :])
    return new, (x, state, w_x, w_h, new)


def _backward(saved, slope):
    x, state, w_x, w_h, new = saved
    inner = slope * (1 - new**2)
    return inner @ w_x.T, inner @ w_h.T, x.T @ inner, state.T @ inner, jnp.sum(inner, axis=0)


_rnn_step.defvjp(_forward, _backward)
