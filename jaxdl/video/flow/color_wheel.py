"""A flow as a picture: the hue is where to, the strength how far."""

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.typing import Host

# Steps from red to yellow to green to cyan to blue to magenta to red.
STEPS = (15, 6, 4, 11, 13, 6)


def color_wheel() -> Host:
    """The 55 hues of Baker et al. 2011 (Middlebury), finer where eyes are: `(55, 3)` in [0, 1]."""
    corners = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1)], float)
    parts = []
    for i, count in enumerate(STEPS):
        share = np.floor(255 * np.arange(count) / count)[:, None] / 255
        start, end = corners[i], corners[(i + 1) % 6]
        # Middlebury rounds what grows down, and so what fades up.
        parts.append(start + share * (end - start))
    return np.concatenate(parts)


def draw_flow(flow: Host, *, most: float = 0.0) -> Host:
    """`(..., 2)`, x and y, -> uint8 `(..., 3)`: white is no move, full color one of `most` pixels.

    `most`: default the longest move in it. Longer ones than `most` are darker, as at Middlebury.
    Raises ValueError for a flow that is not finite.
    """
    flow = np.asarray(flow, np.float64)
    if flow.shape[-1] != 2 or not np.isfinite(flow).all():
        raise ValueError(f"draw_flow: flow must be finite, `(..., 2)`, got shape {flow.shape}")
    length = np.linalg.norm(flow, axis=-1)
    most = most or max(float(length.max(initial=0)), 1e-6)
    check_positive("draw_flow: most", most)
    x, y = np.moveaxis(flow, -1, 0) / most
    radius = (length / most)[..., None]
    wheel = color_wheel()
    place = (np.arctan2(-y, -x) / np.pi + 1) / 2 * (len(wheel) - 1)
    low = np.floor(place).astype(int)
    part = (place - low)[..., None]
    hue = (1 - part) * wheel[low] + part * wheel[(low + 1) % len(wheel)]
    color = np.where(radius <= 1, 1 - radius * (1 - hue), hue * 0.75)
    return np.floor(255 * color).astype(np.uint8)


def key_picture(side: int = 64) -> Host:
    """Which color stands for which move: the wheel, uint8 `(side, side, 3)`."""
    along = np.linspace(-1, 1, side)
    moves = np.stack(np.meshgrid(along, along), axis=-1)
    inside = np.linalg.norm(moves, axis=-1, keepdims=True) <= 1
    return np.where(inside, draw_flow(np.where(inside, moves, 0), most=1), 255).astype(np.uint8)
