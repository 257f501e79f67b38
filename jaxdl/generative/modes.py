"""Modes of densities in the plane, and pictures of samples."""

from typing import Any

import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.typing import Host

RADIUS, LEAST = 1.5, 0.2  # three deviations of a mode of the ring; a fifth of its share


def mode_centers(split: Split) -> Any:
    """The mean of the points of each part, `(K, 2)`: of round modes their centers."""
    rows = split.batch(np.arange(min(split.size, 20_000)))
    parts = np.unique(rows["label"])
    return np.stack([rows["point"][rows["label"] == k].mean(axis=0) for k in parts])


def draw_points(made: Host, real: Host, title: str) -> Figure:
    """Samples `(N, 2)` over real points."""
    figure = Figure(size=(5, 5))
    (axis,) = figure.axes
    axis.scatter(*real.T, s=2, color="0.75", label="data")
    axis.scatter(*made.T, s=2, color="C1", label="samples")
    axis.set(title=title, aspect="equal")
    axis.legend(loc="upper right", fontsize=8)
    return figure
