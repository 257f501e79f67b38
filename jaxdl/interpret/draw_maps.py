"""Sheets of maps beside the pictures that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jaxdl.draw import Figure
from jaxdl.typing import Host

QUANTILE = 0.995  # of a map's sizes: what is above is drawn as it, so that one pixel hides no other
CELL = 1.5  # inches
COLORS = {False: "inferno", True: "RdBu_r"}
LEGENDS = {
    False: ("nothing", "most, of each map by itself"),
    True: ("against the target", "for it, of each map by itself"),
}


@dataclass(frozen=True)
class Column:
    """One method's maps `(B, H, W)` under a title."""

    title: str
    maps: Host
    signed: bool = False
    """Below zero speaks against the target."""
    over: bool = False
    """Lie over the picture, made pale: for smooth maps."""


def contrast(values: Host, *, signed: bool) -> Host:
    """A map in [0, 1], or, where it is `signed`, in [-1, 1] with 0 kept.

    The `QUANTILE` of sizes becomes 1, and what is above, too; a map of nothing is all 0.
    """
    values = values if signed else np.maximum(values, 0)
    top = np.quantile(np.abs(values), QUANTILE) or np.abs(values).max()
    return np.clip(values / (top or 1), -1, 1)


def draw_maps(
    pictures: Sequence[Host],
    columns: Sequence[Column],
    titles: Sequence[str],
    *,
    title: str = "",
    points: Mapping[tuple[int, int], tuple[float, float]] | None = None,
    outlines: Sequence[Host] | None = None,
) -> Figure:
    """A row per picture `(H, W, 1 or 3)`, uint8 or floats in [0, 1]: it, then its map by each.

    `points` marks, by (picture, column), a (row, column) place; `outlines` are masks whose edges
    are drawn over all. Below the maps stands what their colors mean.
    """
    count, wide = len(pictures), len(columns) + 1
    lines = 1 + max(text.count("\n") for text in titles)
    height = count * (CELL + 0.15 * lines) + 1.0
    figure = Figure(count, wide, size=(wide * (CELL + 0.08), height), layout=None)
    figure.figure.subplots_adjust(
        0.01, 0.62 / height, 0.99, 1 - 0.6 / height, wspace=0.04, hspace=0.11 * lines
    )
    for row, picture in enumerate(pictures):
        axes = figure.axes[row * wide : (row + 1) * wide]
        gray = _gray(picture)
        _show(axes[0], picture, titles[row])
        for place, (axis, column) in enumerate(zip(axes[1:], columns, strict=True)):
            shown = contrast(column.maps[row], signed=column.signed)
            low = -1 if column.signed else 0
            axis.set_title(column.title if row == 0 else "", fontsize=7)
            alpha = 1.0
            if column.over:
                axis.imshow(0.5 + gray / 2, cmap="gray", vmin=0, vmax=1)
                alpha = 0.25 + 0.6 * np.abs(shown)
            axis.imshow(shown, cmap=COLORS[column.signed], vmin=low, vmax=1, alpha=alpha)
            if points and (row, place) in points:
                at = points[row, place]
                axis.plot(at[1], at[0], "+", color="lime", markersize=8, markeredgewidth=1.5)
        for axis in axes:
            axis.set_axis_off()
            if outlines is not None:
                axis.contour(outlines[row], [0.5], colors="cyan", linewidths=0.7)
    _legend(figure, sorted({column.signed for column in columns}), height)
    figure.figure.suptitle(title, fontsize=9, y=1 - 0.12 / height, va="top")
    return figure


def _gray(picture: Host) -> Host:
    scale = 255 if picture.dtype == np.uint8 else 1
    return np.clip(picture.astype(np.float64).mean(-1) / scale, 0, 1)


def _show(axis: object, picture: Host, title: str) -> None:
    flat = picture[..., 0] if picture.shape[-1] == 1 else picture
    if flat.dtype != np.uint8:
        flat = np.clip(flat, 0, 1)
    axis.imshow(flat, cmap="gray", vmin=0, vmax=255 if flat.dtype == np.uint8 else 1)  # type: ignore[attr-defined]
    axis.set_title(title, fontsize=7)  # type: ignore[attr-defined]


def _legend(figure: Figure, kinds: Sequence[bool], height: float) -> None:
    """A bar of colors for each kind of map, with what its ends mean."""
    for i, signed in enumerate(kinds):
        left = 0.06 + 0.5 * i
        axis = figure.figure.add_axes((left, 0.34 / height, 0.36, 0.12 / height))
        axis.imshow(np.linspace(0, 1, 256)[None], cmap=COLORS[signed], aspect="auto")
        axis.set_yticks([])
        axis.set_xticks([0, 255], LEGENDS[signed], fontsize=7)
        for text, side in zip(axis.get_xticklabels(), ("left", "right"), strict=True):
            text.set_horizontalalignment(side)
        axis.tick_params(length=0)
