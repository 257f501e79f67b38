"""The affine layer with its backward pass written out."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def linear(x: Array, weight: Array, bias: Array) -> Array:
    """y = x W + b; each `x` is flattened to a row first. `(B, ...)`, `(D, M)`, `(M,)` -> `(B, M)`.

    dL/dx = dL/dy W^T,  dL/dW = x^T dL/dy,  dL/db = sum over the batch of dL/dy
    """
    check_rank("linear: weight", weight, 2)
    if x[0].size != len(weight):
        raise ValueError(
            f"linear: a row of x must have {len(weight)} numbers, as weight has rows; "
            f"got shape {tuple(x.shape)}"
        )
    return _linear(x, weight, bias)


@jax.custom_vjp
def _linear(x, weight, bias):
    return _forward(x, weight, bias)[0]


def _forward(x, weight, bias):
    return x.reshape(len(x), -1) @ weight + bias[None, :], (x, weight)


def _backward(saved, slope):
    x, weight = saved
    return (
        (slope @ weight.T).reshape(x.shape),
        x.reshape(len(x), -1).T @ slope,
        jnp.sum(slope, axis=0),
    )


_linear.defvjp(_forward, _backward)
