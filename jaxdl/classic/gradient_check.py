"""Gradients from differences, to check those from formulas; Hessian-vector products."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxdl.checks import check_positive
from jaxdl.typing import Array, Tree


def numerical_gradient(f: Callable[[Tree], Array], at: Tree, *, step: float = 1e-5) -> Tree:
    """Central differences (f(x + h e_i) - f(x - h e_i)) / 2h for every entry, in float64.

    `f` maps a pytree of floating arrays to a scalar. Returns a tree like `at`, of NumPy arrays.
    """
    check_positive("numerical_gradient: step", step)
    with jax.enable_x64(True):
        flat, restore = ravel_pytree(_to_double(at))

        def slope(direction):
            ahead, behind = (f(restore(flat + s * step * direction)) for s in (1, -1))
            return (ahead - behind) / (2 * step)

        slopes = jax.jit(lambda: lax.map(slope, jnp.eye(flat.size, dtype=flat.dtype)))()
        return jax.tree.map(np.asarray, restore(slopes))


def gradient_error(f: Callable[[Tree], Array], at: Tree, *, step: float = 1e-5) -> float:
    """How far `jax.grad(f)` is from central differences, both in float64.

    max |a - n| / max(|a| + |n|, 1e-8) over all entries: about 1e-8 where a smooth f is right, above
    1e-4 where a formula is wrong. A kink nearer than `step` also counts as an error.
    """
    with jax.enable_x64(True):
        analytic, _ = ravel_pytree(jax.jit(jax.grad(f))(_to_double(at)))
        numeric, _ = ravel_pytree(numerical_gradient(f, at, step=step))
        scale = jnp.maximum(jnp.abs(analytic) + jnp.abs(numeric), 1e-8)
        return float(jnp.max(jnp.abs(analytic - numeric) / scale))


def hessian_vector(f: Callable[[Tree], Array], at: Tree, direction: Tree) -> Tree:
    """H(at) direction, H the Hessian of the scalar `f`: forward through reverse, H never built."""
    return jax.jvp(jax.grad(f), (at,), (direction,))[1]


def _to_double(tree: Tree) -> Tree:
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)
