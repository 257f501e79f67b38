"""Small changes of pictures that raise a cost: adversarial examples.

A cost gives one number per picture, `cost(images (B, H, W, C)) -> (B,)`; it must be that of each
picture alone (no batch statistics). Pixels stay within `low` and `high`, [0, 1] by default.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxdl.checks import check_at_least, check_one_of
from jaxdl.typing import Array, Key

Cost = Callable[[Array], Array]
Norm = Literal["linf", "l2"]
NORMS = ("linf", "l2")
TINY = 1e-12  # a gradient of this norm has no direction


def fgsm(
    cost: Cost, images: Array, *, epsilon: float, low: float = 0.0, high: float = 1.0
) -> Array:
    """x + epsilon sign(d cost / d x) (Goodfellow et al. 2015, arXiv 1412.6572, section 4)."""
    moved = images + epsilon * jnp.sign(gradient_of(cost, images))
    return jnp.clip(moved, low, high)


def pgd(
    cost: Cost,
    images: Array,
    *,
    epsilon: float | Array,
    rate: float | Array,
    steps: int,
    norm: Norm = "linf",
    key: Key | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Array:
    """Projected gradient ascent within `epsilon` (Madry et al. 2018, arXiv 1706.06083, eq. 2.1).

    `steps` times x <- project(x + rate u), u the `uphill` direction of the norm. With `key` it
    starts at a random place of the ball, else at the picture.
    """
    check_one_of("pgd: norm", norm, NORMS)
    check_at_least("pgd: steps", steps, 1)
    change = jnp.zeros_like(images)
    if key is not None:
        change = draw_in_ball(key, images, epsilon, norm)

    def step(_: int, attacked: Array) -> Array:
        moved = attacked + rate * uphill(gradient_of(cost, attacked), norm)
        return jnp.clip(images + project(moved - images, epsilon, norm), low, high)

    return jax.lax.fori_loop(0, steps, step, jnp.clip(images + change, low, high))


def towards_class(
    logits: Callable[[Array], Array],
    images: Array,
    target: Array,
    *,
    rate: float = 1.0,
    most: int = 100,
    low: float = 0.0,
    high: float = 1.0,
) -> tuple[Array, Array]:
    """x <- x + rate g / |g|, g the gradient of the target's logit, until the target is predicted.

    The notes' attack. `target` `(B,)`. Returns the pictures, and the steps that each took, `(B,)`
    int32: `most` where that was not enough.
    """
    check_at_least("towards_class: most", most, 1)

    def wanted(x: Array) -> Array:
        return jnp.take_along_axis(logits(x), target[:, None], axis=1)[:, 0]

    def fooled(x: Array) -> Array:
        return jnp.argmax(logits(x), axis=1) == target

    def unfinished(carry: Any) -> Array:
        number, _, _, done = carry
        return (number < most) & ~jnp.all(done)

    def step(carry: Any) -> Any:
        number, x, taken, done = carry
        moved = jnp.clip(x + rate * uphill(gradient_of(wanted, x), "l2"), low, high)
        x = jnp.where(done[:, None, None, None], x, moved)
        return number + 1, x, taken + ~done, fooled(x)

    start = jnp.int32(0), images, jnp.zeros(len(images), jnp.int32), fooled(images)
    _, x, taken, _ = jax.lax.while_loop(unfinished, step, start)
    return x, taken


def universal(
    cost: Callable[[Array, Any], Array],
    batches: Iterable[tuple[Array, Any]],
    *,
    epsilon: float,
    rate: float,
    norm: Norm = "linf",
    low: float = 0.0,
    high: float = 1.0,
) -> Array:
    """One change `(H, W, C)` for all pictures (Shafahi et al. 2020, arXiv 1811.11304, algorithm 2).

    One step of ascent on the mean of `cost(images, other) -> (B,)` for each of the batches, pairs
    of images and what else the cost takes (labels), projected into the ball.
    """
    check_one_of("universal: norm", norm, NORMS)

    @jax.jit
    def step(change: Array, images: Array, other: Any) -> Array:
        def total(change: Array) -> Array:
            return jnp.sum(cost(jnp.clip(images + change, low, high), other))

        return project(change + rate * uphill(jax.grad(total)(change), norm), epsilon, norm)

    change: Array | None = None
    for images, other in batches:
        change = step(jnp.zeros_like(images[:1]) if change is None else change, images, other)
    if change is None:
        raise ValueError("universal: batches must hold at least one, got none")
    return change[0]


def gradient_of(cost: Cost, images: Array) -> Array:
    """d cost / d images, `(B, H, W, C)`."""
    return jax.grad(lambda x: jnp.sum(cost(x)))(images)


def uphill(gradient: Array, norm: Norm) -> Array:
    """The unit change of each picture that raises a linear cost most: sign(g), or g / |g|.

    Zero where the gradient is.
    """
    if norm == "linf":
        return jnp.sign(gradient)
    return gradient / jnp.maximum(row_norm(gradient), TINY)


def project(change: Array, epsilon: float | Array, norm: Norm) -> Array:
    """The nearest change to each row's whose norm is at most `epsilon`."""
    if norm == "linf":
        return jnp.clip(change, -epsilon, epsilon)
    return change * jnp.minimum(1.0, epsilon / jnp.maximum(row_norm(change), TINY))


def draw_in_ball(key: Key, images: Array, epsilon: float | Array, norm: Norm) -> Array:
    """A change for each picture, uniform in the ball of radius `epsilon`."""
    dtype = images.dtype
    if norm == "linf":
        return epsilon * jax.random.uniform(key, images.shape, dtype, -1.0, 1.0)
    place, far = jax.random.split(key)
    direction = uphill(jax.random.normal(place, images.shape, dtype), "l2")
    size = images[0].size
    radius = jax.random.uniform(far, (len(images), 1, 1, 1), dtype) ** (1 / size)
    return epsilon * radius * direction


def row_norm(x: Array) -> Array:
    """The Euclidean norm of each row, `(B, 1, 1, 1)`."""
    return jnp.sqrt(jnp.sum(x**2, axis=(1, 2, 3), keepdims=True))
