"""A picture that a class, a unit or a direction likes: gradient ascent in the picture."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, Score, Target, score_of
from jaxdl.interpret.open_network import Pixels
from jaxdl.ops.blur import gaussian_blur
from jaxdl.typing import Array, Key


@dataclass(frozen=True)
class Ascent:
    """The steps from a start to what the network likes."""

    steps: int = 200
    lr: float = 10.0
    """Length (L2) of a step, in the network's values."""
    penalty: float = 1e-3
    """Of the squared norm of the picture."""
    jitter: int = 16
    """The picture is rolled by up to so many pixels for each step, and back."""
    blur_every: int = 10
    """Steps between two blurs (0: none)."""
    sigma: float = 0.5
    """Of the blur, in pixels."""
    smooth: tuple[float, ...] = ()
    """Of the squared differences of neighbors along each axis: rows and columns; of clips frames,
    rows and columns (none: 0)."""

    def __post_init__(self) -> None:
        if min(self.steps, self.jitter, self.blur_every) < 0 or min(self.lr, self.sigma) <= 0:
            raise UsageError(
                f"ascent: steps, jitter and blur_every must be >= 0, lr and sigma > 0, got {self}"
            )


def climb(
    network: Network, start: Array, target: Target, pixels: Pixels, how: Ascent, *, key: Key
) -> Array:
    """Pictures `(B, H, W, C)` of a high score - penalty |I|^2 (Simonyan et al. 2014, 1312.6034).

    Or clips `(B, T, H, W, C)`. `how.smooth` takes its weights times the squared differences from
    the score: of clips those between frames shape the motion, the others the appearance
    (Feichtenhofer et al. 2018, arXiv 1801.01415, section 3).

    In the network's values, kept where a picture lies. Step i goes `lr` along the gradient divided
    by its norm, after a roll by `randint(fold_in(key, i), (2,), -jitter, jitter + 1)` pixels, and
    every `blur_every`-th picture is blurred, the first included and the last not.
    """
    score = score_of(network, start, target)
    images = start
    for step in range(how.steps):
        shift = roll_of(key, step, how.jitter)
        images = ascent_step(network, images, score, shift, how.lr, how.penalty, pixels, how.smooth)
        if how.blur_every and step % how.blur_every == 0 and step + 1 < how.steps:
            images = _blur(images, how.sigma)
    return images


def roll_of(key: Key, step: int, jitter: int) -> Array:
    """By how many rows and columns step `step` rolls."""
    return jax.random.randint(jax.random.fold_in(key, step), (2,), -jitter, jitter + 1)


def roughness(x: Array, weights: tuple[float, ...]) -> Array:
    """The weighted squared differences of neighbors along each axis: `(B, ..., C)` -> `(B,)`.

    Raises UsageError unless there is a weight for each axis between batch and channels.
    """
    if len(weights) != x.ndim - 2:
        raise UsageError(
            f"ascent: smooth must be {x.ndim - 2} weights, one per axis of {x.shape} between batch "
            f"and channels, got {weights}"
        )
    squares = [
        weight * jnp.sum(jnp.square(jnp.diff(x, axis=axis)), range(1, x.ndim))
        for axis, weight in enumerate(weights, 1)
    ]
    return jnp.sum(jnp.stack(squares), axis=0)


@partial(jax.jit, static_argnames=("pixels", "smooth"))
def ascent_step(
    network: Network,
    images: Array,
    score: Score,
    shift: Array,
    lr: float,
    penalty: float,
    pixels: Pixels,
    smooth: tuple[float, ...] = (),
) -> Array:
    """One step of length `lr` for each picture, at the place to which `shift` rolls it."""
    inner, plane = tuple(range(1, images.ndim)), (images.ndim - 3, images.ndim - 2)

    def objective(x: Array) -> Array:
        value = score(network(x)) - penalty * jnp.sum(jnp.square(x), inner)
        return (value - roughness(x, smooth) if smooth else value).sum()

    rolled = jnp.roll(images, shift, plane)
    grads = jax.grad(objective)(rolled)
    norms = jnp.sqrt(jnp.sum(jnp.square(grads), inner, keepdims=True))
    rolled = rolled + lr * grads / jnp.maximum(norms, 1e-12)  # a gradient of zero stays
    return pixels.clip(jnp.roll(rolled, -shift, plane))


_blur = jax.jit(gaussian_blur, static_argnames="sigma")
