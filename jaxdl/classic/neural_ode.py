"""A state that moves as a network says, and the gradient by a second equation that runs back.

Chen et al. 2018, "Neural ordinary differential equations", arXiv 1806.07366: dx/dt = f(p, x, t).
The adjoint a = dL/dx obeys da/dt = -a df/dx, and dL/dp is the integral of a df/dp from the start to
the end: both are found on the way back, so no state between needs to be kept (app. B).
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.typing import Array, Tree

Field = Callable[[Tree, Array, Array], Array]  # (params, x (..., D), time ()) -> dx/dt (..., D)


def runge_kutta_step(move: Callable[[Tree, Array], Tree], x: Tree, t: Array, h: Array) -> Tree:
    """x(t + h) by the classical method of fourth order (Kutta 1901); `move(x, t)` is dx/dt.

    `x` may be any tree of arrays. h < 0 goes back in time.
    """

    def ahead(slope: Tree, part: float) -> Tree:
        return jax.tree.map(lambda a, b: a + part * h * b, x, slope)

    k1 = move(x, t)
    k2 = move(ahead(k1, 0.5), t + 0.5 * h)
    k3 = move(ahead(k2, 0.5), t + 0.5 * h)
    k4 = move(ahead(k3, 1.0), t + h)
    return jax.tree.map(
        lambda a, b, c, d, e: a + h / 6 * (b + 2 * c + 2 * d + e), x, k1, k2, k3, k4
    )


def integrate(field: Field, params: Tree, start: Array, times: Array, *, steps: int = 1) -> Array:
    """The states at `times` `(T,)`, of which the first is the start's: `(T, *start.shape)`.

    `steps` of Runge-Kutta lie between two of them. `jax.grad` goes through every step, and keeps
    its states.
    """
    check_rank("integrate: times", times, 1)

    def reach(x: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        x = _between(partial(field, params), x, *pair, steps)
        return x, x

    _, states = lax.scan(reach, start, (times[:-1], times[1:]))
    return jnp.concatenate([start[None], states])


@partial(jax.custom_vjp, nondiff_argnums=(0, 4))
def integrate_adjoint(
    field: Field, params: Tree, start: Array, times: Array, steps: int = 1
) -> Array:
    """`integrate`, whose gradients come from the adjoint equation: of what lies between `times` no
    state is kept. `times` themselves have no gradient (it is zero)."""
    return integrate(field, params, start, times, steps=steps)


def _forward(field: Field, params: Tree, start: Array, times: Array, steps: int):
    states = integrate(field, params, start, times, steps=steps)
    return states, (params, states, times)


def _backward(field: Field, steps: int, kept, cotangent: Array):
    params, states, times = kept

    def move(whole: Tree, t: Array) -> Tree:
        x, adjoint, _ = whole
        slope, pull = jax.vjp(lambda p, x: field(p, x, t), params, x)
        to_params, to_x = pull(adjoint)
        minus = partial(jax.tree.map, jnp.negative)
        return slope, minus(to_x), minus(to_params)

    def back(carry: Tree, item: Tree) -> tuple[Tree, None]:
        adjoint, to_params = carry
        state, own, late, early = item
        whole = (state, adjoint + own, to_params)
        _, adjoint, to_params = _between(move, whole, late, early, steps)
        return (adjoint, to_params), None

    zero = jnp.zeros_like(states[0]), jax.tree.map(jnp.zeros_like, params)
    items = (states[1:], cotangent[1:], times[1:], times[:-1])
    (adjoint, to_params), _ = lax.scan(back, zero, items, reverse=True)
    return to_params, adjoint + cotangent[0], jnp.zeros_like(times)


def _between(move, x: Tree, first: Array, last: Array, steps: int) -> Tree:
    """From the one time to the other in equal steps."""
    h = (last - first) / steps
    return lax.fori_loop(0, steps, lambda i, x: runge_kutta_step(move, x, first + i * h, h), x)


integrate_adjoint.defvjp(_forward, _backward)
