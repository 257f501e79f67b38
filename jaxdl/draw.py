"""Pictures: grids of images, curves, matrices. Nothing here needs a screen."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import require
from jaxdl.typing import Host


class Figure:
    """A matplotlib figure that is not tied to a window."""

    def __init__(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        size: tuple[float, float] = (6, 4),
        layout: str | None = "constrained",
    ):
        mpl = require("matplotlib.figure", "matplotlib", "a picture")
        canvas = require("matplotlib.backends.backend_agg", "matplotlib", "a picture")
        self.figure = mpl.Figure(figsize=size, layout=layout)
        canvas.FigureCanvasAgg(self.figure)
        self.axes: list[Any] = list(np.ravel(self.figure.subplots(rows, columns, squeeze=False)))

    def save(self, path: Path, *, dpi: int = 110) -> Path:
        """Writes the picture, creating its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(path, dpi=dpi)
        return path

    def png(self, *, dpi: int = 110) -> bytes:
        """The picture as the bytes of a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, dpi=dpi)
        return buffer.getvalue()


def draw_grid(
    images: Sequence[Host],
    titles: Sequence[str] = (),
    *,
    title: str = "",
    columns: int = 0,
    cell: float = 1.3,
    legend: Mapping[str, Host] | None = None,
) -> Figure:
    """Images `(H, W, 1 or 3)`, uint8 or floats in [0, 1], side by side with a title each.

    An image has `cell` inches; titles have room for two lines, or for as many as they have.
    `legend`: name -> color, 0 to 255, shown below.
    """
    columns = columns or max(1, int(np.ceil(np.sqrt(len(images)))))
    rows = max(1, -(-len(images) // columns))
    above = 0.25 + 0.12 * max([0, *(text.count("\n") - 1 for text in titles)])
    width = cell * columns + 0.2
    each = max(1, int(width / 0.95))  # names in a line of the legend
    below = 0.22 * -(-len(legend) // each) if legend else 0.0
    # A row is as tall as its tallest picture, none of which is wider than its place.
    tall = cell * min(1, max((image.shape[0] / image.shape[1] for image in images), default=1))
    height = (tall + above) * rows + 0.5 + below
    # Its places are known: matplotlib's own layout would look for them for seconds.
    figure = Figure(rows, columns, size=(width, height), layout=None)
    top = 1 - (0.45 + above) / height
    gap = 0.26 * (above / 0.25) * (1.3 / tall)
    bottom = 0.02 + below / height
    figure.figure.subplots_adjust(0.02, bottom, 0.98, top, wspace=0.06, hspace=gap)
    for axis in figure.axes:
        axis.set_axis_off()
    for i, image in enumerate(images):
        flat = image[..., 0] if image.shape[-1] == 1 else image
        top = 255 if image.dtype == np.uint8 else 1
        figure.axes[i].imshow(flat, cmap="gray", vmin=0, vmax=top)
        if i < len(titles):
            figure.axes[i].set_title(titles[i], fontsize=7)
    figure.figure.suptitle(title, fontsize=9)
    if legend:
        add_legend(figure, legend, columns=each)
    return figure


def add_legend(figure: Figure, names: Mapping[str, Host], *, columns: int) -> None:
    """Names and their colors, 0 to 255, below everything."""
    patches = require("matplotlib.patches", "matplotlib", "a picture")
    marks = [patches.Patch(color=c / 255, label=name) for name, c in names.items()]
    figure.figure.legend(
        handles=marks,
        loc="lower center",
        ncols=min(columns, len(marks)),
        fontsize=6,
        frameon=False,
        columnspacing=0.8,
        handlelength=1.0,
        borderpad=0.0,
    )


def class_colors(count: int) -> Host:
    """A color of each class, the same for any number of classes: `(count, 3)` uint8.

    PASCAL VOC's palette: the bits of the number, spread over red, green and blue. Its black goes to
    the end, so that the first class is seen, too.
    """
    numbers = np.arange(1, count + 1)
    colors = np.zeros((count, 3), np.int64)
    for place in range(8):
        for channel in range(3):
            bit = (numbers >> (3 * place + channel)) & 1
            colors[:, channel] |= bit << (7 - place)
    return colors.astype(np.uint8)


def paint_classes(image: Host, segments: Host, *, strength: float = 0.65) -> Host:
    """The image `(H, W, 1 or 3)` uint8 with each pixel's class, `(H, W)` integers, in its color.

    What is above the number of colors, such as the 255 of void pixels, is left as it is.
    """
    colors = class_colors(255)
    made = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    known = (segments < len(colors))[..., None]
    own = colors[np.minimum(segments, len(colors) - 1)]
    mixed = (1 - strength) * made.astype(np.float32) + strength * own
    return np.where(known, mixed, made).astype(np.uint8)


def class_legend(classes: Sequence[str], *maps: Host, most: int = 30) -> dict[str, Host]:
    """Name -> color of the classes that occur in maps of them, the most frequent `most`."""
    counts = sum(np.bincount(m.ravel(), minlength=256)[: len(classes)] for m in maps)
    counts = np.asarray(counts)
    frequent = np.argsort(-counts, kind="stable")[:most].tolist()
    shown = sorted(i for i in frequent if counts[i])
    colors = class_colors(len(classes))
    return {str(classes[i]): colors[i] for i in shown}


def tile_images(images: Host, columns: int, *, border: int = 1) -> Host:
    """`(N, H, W, 1 or 3)`, uint8 or floats in [0, 1], as one uint8 picture with `columns` a row.

    Missing images of the last row are black, lines of `border` pixels gray. Floats that are not
    finite are 0.
    """
    if images.dtype != np.uint8:
        images = np.round(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    missing = np.zeros((rows * columns - count, height, width, channels), np.uint8)
    cells = np.concatenate([images, missing]).reshape(rows, columns, height, width, channels)
    edge = [(0, 0), (0, 0), (border, 0), (border, 0), (0, 0)]
    cells = np.pad(cells, edge, constant_values=128)
    whole = cells.swapaxes(1, 2).reshape(rows * (height + border), -1, channels)
    return np.pad(whole, [(0, border), (0, border), (0, 0)], constant_values=128)


def save_image(picture: Host, path: Path, *, scale: int = 1) -> Path:
    """Writes a uint8 picture `(H, W, 1 or 3)`, every pixel `scale` times as large."""
    from PIL import Image

    picture = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)
    return path


def draw_curves(
    rows: Sequence[Mapping[str, float]], groups: Mapping[str, Sequence[str]], *, x: str = "step"
) -> Figure:
    """One panel per group, four beside each other: the named numbers of the rows that have them,
    over `x`.

    A number that has a deviation in its row, under its name and `_std`, has a band of one.
    """
    columns, lines = min(max(len(groups), 1), 4), max(-(-len(groups) // 4), 1)
    figure = Figure(lines, columns, size=(4.2 * columns, 3.2 * lines))
    for axis in figure.axes[len(groups) :]:
        axis.set_axis_off()
    for axis, (title, names) in zip(figure.axes, groups.items(), strict=False):
        for name in names:
            points = [(row[x], row[name]) for row in rows if name in row]
            if points:
                marker = "." if len(points) < 60 else None
                axis.plot(*zip(*points, strict=True), label=name, marker=marker)
            band = [
                (row[x], row[name] - row[f"{name}_std"], row[name] + row[f"{name}_std"])
                for row in rows
                if name in row and f"{name}_std" in row
            ]
            if band:
                axis.fill_between(*zip(*band, strict=True), alpha=0.2)
        axis.set(title=title, xlabel=x)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=8)
    return figure


def draw_bars(
    groups: Mapping[str, Sequence[float]], labels: Sequence[str], *, title: str = ""
) -> Figure:
    """One panel per group, one bar per label; the labels stand below the last panel."""
    figure = Figure(len(groups), 1, size=(2 + 0.28 * len(labels), 1 + 1.7 * len(groups)))
    for axis, (name, values) in zip(figure.axes, groups.items(), strict=True):
        axis.bar(range(len(labels)), values)
        axis.set_title(name, fontsize=9, loc="left")
        axis.set_xticks(range(len(labels)), [""] * len(labels))
        axis.margins(x=0.01)
    figure.axes[-1].set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    figure.figure.suptitle(title)
    return figure


def draw_confusion(matrix: Host, classes: Sequence[str], *, title: str) -> Figure:
    """Counts, row: label, column: prediction, `(K, K)`; with names where they fit.

    `title` says what is counted, and of which rows.
    """
    count = len(classes)
    side = min(3 + 0.35 * count, 12)
    figure = Figure(size=(side + 0.8, side))
    (axis,) = figure.axes
    off = matrix * ~np.eye(count, dtype=bool)
    most = max(off.max(), 1)
    axis.imshow(off, cmap="Reds", vmin=0, vmax=most)
    axis.set(xlabel="prediction", ylabel="label")
    axis.set_title(f"{title}\nred, off the diagonal: mistakes", fontsize=9)
    if count <= 20:
        axis.set_xticks(range(count), classes, rotation=90, fontsize=7)
        axis.set_yticks(range(count), classes, fontsize=7)
        for i, j in np.argwhere(matrix > 0):
            ink = "white" if off[i, j] > 0.6 * most else "black"
            axis.text(j, i, str(matrix[i, j]), ha="center", va="center", fontsize=6, color=ink)
    return figure
