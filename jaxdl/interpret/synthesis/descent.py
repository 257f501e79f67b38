"""A picture of a small loss: Adam in its pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.checks import DivergedError, UsageError
from jaxdl.interpret.open_network import Pixels
from jaxdl.typing import Array, Host

Objective = Callable[[Array], Array]  # values (B, H, W, C) -> losses (B,); a pytree
ADAM = optax.scale_by_adam()


@dataclass(frozen=True)
class Descent:
    """How the picture is changed."""

    steps: int = 200
    lr: float = 0.1
    """Adam's, at the start; it falls to 0 as a cosine. In the network's values."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.lr <= 0:
            raise UsageError(f"descent: steps must be >= 1 and lr > 0, got {self}")


def descend(
    objective: Objective,
    start: Array,
    pixels: Pixels,
    how: Descent,
    *,
    on_step: Callable[[int, Array], None] = lambda step, images: None,
) -> tuple[Array, Host]:
    """(images, the losses before each step `(steps, B)`), in the network's values.

    The pictures stay where pictures lie. `objective` is a pytree, as `struct.PyTreeNode` is, so
    that two of the same kind share one program. `on_step` is told the picture after each step.
    Raises DivergedError where a loss is not finite.
    """
    state, images, losses = ADAM.init(start), start, []
    for step in range(how.steps):
        lr = how.lr * 0.5 * (1 + np.cos(np.pi * step / how.steps))
        images, state, loss = _step(objective, images, state, lr, pixels)
        on_step(step, images)
        losses.append(loss)
    rows = np.stack([np.asarray(loss) for loss in losses])
    if not np.isfinite(rows).all():
        first = int(np.flatnonzero(~np.isfinite(rows).all(1))[0])
        raise DivergedError(
            f"descent: the loss is not finite at step {first}; take a smaller lr than {how.lr:g}, "
            "or smaller weights"
        )
    return images, rows


@jax.jit
def loss_of(objective: Objective, images: Array) -> Array:
    """The losses `(B,)` of pictures in the network's values."""
    return objective(images)


@partial(jax.jit, static_argnames="pixels")
def _step(
    objective: Objective, images: Array, state: Any, lr: float, pixels: Pixels
) -> tuple[Array, Any, Array]:
    def total(x: Array) -> tuple[Array, Array]:
        losses = objective(x)
        return losses.sum(), losses

    grads, losses = jax.grad(total, has_aux=True)(images)
    step: Any
    step, state = ADAM.update(grads, state)
    return pixels.clip(images - jnp.asarray(lr, images.dtype) * step), state, losses
