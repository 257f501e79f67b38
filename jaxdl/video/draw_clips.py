"""Clips as strips of frames."""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import check_rank
from jaxdl.draw import Figure
from jaxdl.typing import Host


def film_strip(clip: Host, *, border: int = 1) -> Host:
    """The frames of a clip from left to right: `(T, H, W, C)` uint8 -> `(H, W', C)`."""
    check_rank("film_strip: clip", clip, 4)
    width = [(0, 0), (0, 0), (0, border), (0, 0)]
    framed = np.pad(clip, width, constant_values=255)
    return np.concatenate(list(framed), axis=1)[:, : -border or None]


def draw_clips(clips: Sequence[Host], titles: Sequence[str]) -> Figure:
    """A strip for each clip `(T, H, W, 3)` uint8, one below the other, each with a title."""
    strips = [film_strip(clip) for clip in clips]
    height, width = strips[0].shape[:2]
    figure = Figure(len(strips), 1, size=(6.4, len(strips) * (6.4 * height / width + 0.25)))
    for axis, strip, title in zip(figure.axes, strips, titles, strict=True):
        axis.imshow(strip)
        axis.set_axis_off()
        axis.set_title(title, fontsize=8, loc="left", pad=2)
    return figure
