"""Clips in which a drawn digit moves; which way it goes is the class, or what it is."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from jaxdl.data.splits.philox import choose, uniforms
from jaxdl.data.synthetic.base import Generated
from jaxdl.typing import Host

# How many pixels x and y a class moves a frame, in units of its speed.
WAYS = {
    "still": (0, 0),
    "right": (1, 0),
    "left": (-1, 0),
    "down": (0, 1),
    "up": (0, -1),
    "right down": (1, 1),
    "right up": (1, -1),
    "left down": (-1, 1),
    "left up": (-1, -1),
}


class MovingDigits(Generated):
    """One digit on a dark ground, T frames (after Srivastava et al. 2015, arXiv 1502.04681).

    `video` `(T, H, W, 1)` uint8; `label` int32, one of `WAYS`; `digit` int32, what is drawn. The
    edges of the picture join, and a clip begins anywhere: a single frame does not tell the way.
    `read()` gives drawings `(N, h, w)` uint8 and their digits `(N,)`; it is called when a row is
    first made.
    """

    classes = tuple(WAYS)

    def __init__(
        self,
        size: int,
        read: Callable[[], tuple[Host, Host]],
        seed: int = 0,
        *,
        frames: int = 8,
        image_size: tuple[int, int] = (48, 48),
    ):
        super().__init__(size, seed)
        self.read, self.frames, self.image_size = read, frames, image_size

    @property
    def description(self) -> str:
        """One line for reports."""
        height, width = self.image_size
        return f"synthetic moving digits, {self.frames}x{height}x{width}, seed {self.seed}"

    @cached_property
    def drawings(self) -> tuple[Host, Host]:
        """Drawings and digits; raises ValueError where they are larger than the picture."""
        drawn, digits = self.read()
        if drawn.shape[1] > self.image_size[0] or drawn.shape[2] > self.image_size[1]:
            raise ValueError(
                f"moving_digits: data.image_size must be at least {drawn.shape[1:]}, that of the "
                f"drawings, got {self.image_size}"
            )
        return drawn, digits

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        drawn, digits = self.drawings
        u = uniforms(self.seed, "moving_digits", rows, 5)
        label, which = choose(u[:, 0], len(WAYS)), choose(u[:, 1], len(drawn))
        height, width = self.image_size
        speed = 1 + choose(u[:, 2], 3)
        step = np.array(list(WAYS.values()))[label] * speed[:, None]
        x = choose(u[:, 3], width)[:, None] + np.arange(self.frames) * step[:, :1]
        y = choose(u[:, 4], height)[:, None] + np.arange(self.frames) * step[:, 1:]
        own = drawn[which]
        # The pixel of the drawing at each pixel of the picture; there is none beyond its sides.
        down = (np.arange(height) - y[..., None]) % height  # (n, T, H)
        right = (np.arange(width) - x[..., None]) % width
        padded = np.pad(own, ((0, 0), (0, height - own.shape[1]), (0, width - own.shape[2])))
        n = np.arange(len(rows))[:, None, None, None]
        video = padded[n, down[..., :, None], right[..., None, :]]
        return {
            "video": video[..., None],
            "label": label.astype(np.int32),
            "digit": digits[which].astype(np.int32),
        }
