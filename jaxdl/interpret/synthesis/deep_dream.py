"""DeepDream: a picture that has more of what a stage sees in it already."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, Target, score_of
from jaxdl.interpret.open_network import Pixels
from jaxdl.interpret.synthesis.ascent import ascent_step, roll_of
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, Key

SMALLEST = 32  # pixels of the shorter side of the first octave, at least


@dataclass(frozen=True)
class Dream:
    """The octaves of a dream."""

    octaves: int = 4
    scale: float = 1.4
    """Each octave is so many times as large as the one before."""
    steps: int = 12
    """In each octave."""
    lr: float = 0.06
    """Root mean square of a step over the pixels, in the network's values."""
    jitter: int = 16
    """The picture is rolled by up to so many pixels for each step, and back."""

    def __post_init__(self) -> None:
        if self.octaves < 1 or min(self.steps, self.jitter) < 0 or self.scale <= 1 or self.lr <= 0:
            raise UsageError(
                "dream: must have octaves >= 1, steps and jitter >= 0, scale > 1 and lr > 0, got "
                f"{self}"
            )


def deep_dream(
    network: Network, images: Array, target: Target, pixels: Pixels, how: Dream, *, key: Key
) -> Array:
    """I* = argmax target, from `images` (Mordvintsev et al. 2015, "Inceptionism"): `(B, H, W, C)`.

    `Energy(stage)` is the target of the original. What an octave adds to its picture is enlarged
    and added to the next larger one, the last of which has the size of `images`. All values are
    the network's own.
    """
    sizes = octave_sizes((images.shape[1], images.shape[2]), how)
    detail = jnp.zeros((len(images), *sizes[0], images.shape[-1]), images.dtype)
    for octave, size in enumerate(sizes):
        base = resize(images, size, antialias=True)
        dream = pixels.clip(base + resize(detail, size))
        length = how.lr * (size[0] * size[1] * images.shape[-1]) ** 0.5
        score = score_of(network, dream, target)
        for step in range(how.steps):
            shift = roll_of(jax.random.fold_in(key, octave), step, how.jitter)
            dream = ascent_step(network, dream, score, shift, length, 0.0, pixels)
        detail = dream - base
    return pixels.clip(images + detail)


def octave_sizes(size: tuple[int, int], how: Dream) -> list[tuple[int, int]]:
    """Height and width of every octave, the smallest first.

    Raises UsageError where it would be too small for a network to see anything.
    """
    factors = [how.scale**-i for i in reversed(range(how.octaves))]
    sizes = [(round(size[0] * f), round(size[1] * f)) for f in factors]
    if how.octaves > 1 and min(sizes[0]) < SMALLEST:
        raise UsageError(
            f"dream: the smallest of {how.octaves} octaves would have {sizes[0]} pixels; a side "
            f"must have {SMALLEST}: take fewer octaves or a larger picture"
        )
    return sizes
