"""Activation functions by name, so that a config can choose one."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdl.checks import unknown
from jaxdl.typing import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,
}


def activation(name: str) -> Callable[[Array], Array]:
    """The function of that name, elementwise."""
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]
