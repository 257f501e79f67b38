"""Activations with their backward passes written out."""

import jax
import jax.numpy as jnp

from jaxdl.typing import Array


@jax.custom_vjp
def relu(x: Array) -> Array:
    """max(0, x); dL/dx = dL/dy where x > 0, else 0."""
    return _relu_forward(x)[0]


def _relu_forward(x):
    return jnp.maximum(x, 0), x > 0


def _relu_backward(positive, slope):
    return (jnp.where(positive, slope, 0),)


relu.defvjp(_relu_forward, _relu_backward)


@jax.custom_vjp
def sigmoid(x: Array) -> Array:
    """y = 1 / (1 + exp(-x)); dL/dx = dL/dy y (1 - y)."""
    return _sigmoid_forward(x)[0]


def _sigmoid_forward(x):
    y = 0.5 * (1 + jnp.tanh(x / 2))  # no exponential that can overflow
    return y, y


def _sigmoid_backward(y, slope):
    return (slope * y * (1 - y),)


sigmoid.defvjp(_sigmoid_forward, _sigmoid_backward)
