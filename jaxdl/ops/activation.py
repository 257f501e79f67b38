"""Activation functions by name, so that a config can choose one."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdl.checks import unknown
from jaxdl.typing import Array


def leaky_relu(x: Array, *, slope: float = 0.1) -> Array:
    """x where x > 0, else slope x (torch's slope is 0.01)."""
    return jnp.where(x > 0, x, slope * x)


def hard_step(x: Array) -> Array:
    """1 where x >= 0, else 0; its derivative is 0 everywhere."""
    return (x >= 0).astype(x.dtype)


def piecewise_linear(x: Array) -> Array:
    """0 below -1/2, x + 1/2 in between, 1 above 1/2."""
    return jnp.clip(x + 0.5, 0, 1)


def linear(x: Array) -> Array:
    """x."""
    return x


def gelu_exact(x: Array) -> Array:
    """x Phi(x), Phi the normal distribution function (arXiv 1606.08415); `gelu` is by tanh."""
    return jax.nn.gelu(x, approximate=False)


def hard_sigmoid(x: Array) -> Array:
    """relu6(x + 3) / 6 (Howard et al. 2019, arXiv 1905.02244, section 5.2)."""
    return jnp.clip(x + 3, 0, 6) / 6


def hard_swish(x: Array) -> Array:
    """x relu6(x + 3) / 6, as there."""
    return x * hard_sigmoid(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": leaky_relu,
    "elu": jax.nn.elu,  # e^x - 1 where x <= 0
    "selu": jax.nn.selu,  # keeps mean 0 and variance 1 (arXiv 1706.02515)
    "gelu": jax.nn.gelu,
    "gelu_exact": gelu_exact,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "sigmoid": jax.nn.sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "tanh": jnp.tanh,
    "piecewise_linear": piecewise_linear,
    "hard_step": hard_step,
    "sign": jnp.sign,
    "linear": linear,
}


def activation(name: str) -> Callable[[Array], Array]:
    """The function of that name, elementwise."""
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]
