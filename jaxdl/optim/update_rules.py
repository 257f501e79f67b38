"""Update rules as optax transformations, in torch's form unless an option says otherwise.

Each maps gradients to the step that the learning rate multiplies. They are written here, and not
taken from optax, where the two differ: the place of epsilon, what sums start from, and 1 - b^t,
which optax takes in float32.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxdl.typing import Array, Tree


class Moments(NamedTuple):
    """State of the rules with running sums; what a rule does not use is empty."""

    count: Array
    mean: Tree  # of the gradients
    square: Tree  # of their squares
    velocity: Tree


def momentum(rho: float, *, nesterov: bool = False) -> optax.GradientTransformation:
    """v <- rho v + g; the step is v, with `nesterov` g + rho v (torch's dampening 0).

    With u = -rate v it is v' = rho v - rate g, x' = x - rho v + (1 + rho) v' of Sutskever et al.
    2013 in x~ = x + rho v, as long as the rate does not change.
    """

    def update(grads: Tree, state: Moments) -> tuple[Tree, Moments]:
        velocity = jax.tree.map(lambda v, g: rho * v + g, state.velocity, grads)
        ahead = jax.tree.map(lambda v, g: g + rho * v, velocity, grads)
        return ahead if nesterov else velocity, state._replace(velocity=velocity)

    return _rule(update, velocity=0.0)


def adagrad(eps: float, *, start: float = 0.0, in_root: bool = False) -> Any:
    """s <- s + g^2; the step is g / (sqrt(s) + eps) (Duchi et al. 2011).

    `start` is the first s (optax and Keras: 0.1); `in_root` has sqrt(s + eps).
    """

    def update(grads: Tree, state: Moments) -> tuple[Tree, Moments]:
        square = jax.tree.map(lambda s, g: s + g * g, state.square, grads)
        return _over_root(grads, square, eps, in_root), state._replace(square=square)

    return _rule(update, square=start)


def rmsprop(
    decay: float,
    eps: float,
    *,
    centered: bool = False,
    in_root: bool = False,
    rho: float = 0.0,
) -> optax.GradientTransformation:
    """s <- d s + (1 - d) g^2; the step is g / (sqrt(s) + eps) (Tieleman & Hinton 2012).

    d is `decay`; `centered` takes s minus the square of the running mean of g; `rho` is the
    momentum of the step, `in_root` has sqrt(s + eps).
    """

    def blend(old: Tree, new: Tree) -> Tree:
        return jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, old, new)

    def update(grads: Tree, state: Moments) -> tuple[Tree, Moments]:
        square = blend(state.square, jax.tree.map(jnp.square, grads))
        mean = blend(state.mean, grads) if centered else state.mean
        spread = jax.tree.map(lambda s, m: s - m * m, square, mean) if centered else square
        step = _over_root(grads, spread, eps, in_root)
        if rho:
            step = jax.tree.map(lambda v, u: rho * v + u, state.velocity, step)
        velocity = step if rho else state.velocity
        return step, Moments(state.count, mean, square, velocity)

    starts = {"square": 0.0} | ({"mean": 0.0} if centered else {})
    return _rule(update, **starts, **({"velocity": 0.0} if rho else {}))


def adam(b1: float, b2: float, eps: float, *, in_root: bool = False) -> Any:
    """m and s, running means of g and g^2; the step is m^ / (sqrt(s^) + eps).

    m^ = m / (1 - b1^t), s^ = s / (1 - b2^t), t = 1 at the first update (Kingma & Ba 2015, arXiv
    1412.6980, algorithm 1). `in_root` has sqrt(s^ + eps).
    """

    def update(grads: Tree, state: Moments) -> tuple[Tree, Moments]:
        count = state.count + 1
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mean, grads)
        square = jax.tree.map(lambda s, g: b2 * s + (1 - b2) * g * g, state.square, grads)
        fair_mean, fair_square = (
            jax.tree.map(lambda x, b=b: x / _one_minus_power(b, count), tree)
            for tree, b in ((mean, b1), (square, b2))
        )
        step = _over_root(fair_mean, fair_square, eps, in_root)
        return step, Moments(count, mean, square, state.velocity)

    return _rule(update, mean=0.0, square=0.0)


def sign_penalty(strength: float, mask: Any) -> optax.GradientTransformation:
    """Adds `strength` sign(w), the gradient of `strength` sum |w|, where `mask(params)` is True."""

    def update(grads: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        def one(g: Array, p: Array, yes: bool) -> Array:
            return g + strength * jnp.sign(p) if yes else g

        return jax.tree.map(one, grads, params, mask(params)), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)  # pyright: ignore


def keep_norms(most: float) -> optax.GradientTransformation:
    """Changes the update so that no unit's incoming weights end with a norm above `most`.

    Max-norm (Srivastava et al. 2014, section 5.1): a unit's weights are all of a kernel `(..., F)`
    that lead to one of F; longer ones are scaled back. Vectors stay. It must be the last of a
    chain.
    """

    def one(update: Array, p: Array) -> Array:
        if p.ndim < 2:
            return update
        new = p + update
        norm = jnp.sqrt(jnp.sum(new * new, axis=tuple(range(p.ndim - 1)), keepdims=True))
        return jnp.where(norm > most, new * (most / jnp.maximum(norm, most)) - p, update)

    def update(updates: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        return jax.tree.map(one, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)  # pyright: ignore


def _rule(update: Any, **starts: float) -> optax.GradientTransformation:
    """A rule whose named trees start as arrays like the parameters, filled with one number."""

    def init(params: Tree) -> Moments:
        trees = {
            k: jax.tree.map(lambda p, v=v: jnp.full_like(p, v), params) for k, v in starts.items()
        }
        return Moments(jnp.int32(0), **({"mean": (), "square": (), "velocity": ()} | trees))

    def ignoring(updates: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        return update(updates, state)

    return optax.GradientTransformation(init, ignoring)  # pyright: ignore


def _over_root(step: Tree, square: Tree, eps: float, in_root: bool) -> Tree:
    def one(u: Array, s: Array) -> Array:
        return u / jnp.sqrt(s + eps) if in_root else u / (jnp.sqrt(s) + eps)

    return jax.tree.map(one, step, square)


def _one_minus_power(b: float, count: Array) -> Array:
    """1 - b^t with all its digits: at b = .999 and t = 1 the difference itself would have four."""
    return -jnp.expm1(count * jnp.log1p(jnp.float32(b - 1.0))) if b > 0 else jnp.float32(1)
