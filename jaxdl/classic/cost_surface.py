"""A cost over a grid of two parameters, for drawing."""

from collections.abc import Callable

import jax

from jaxdl.checks import check_rank
from jaxdl.typing import Array


def cost_surface(cost: Callable[[Array, Array], Array], first: Array, second: Array) -> Array:
    """`cost(first[i], second[j])` for all i, j in one program: `(N,)`, `(M,)` -> `(N, M)`."""
    check_rank("cost_surface: first", first, 1)
    check_rank("cost_surface: second", second, 1)
    return jax.vmap(lambda a: jax.vmap(lambda b: cost(a, b))(second))(first)
