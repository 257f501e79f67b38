"""Objects of a picture, drawn over it: boxes with their names, masks, keypoints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxdl.data.skeleton import Skeleton
from jaxdl.draw import class_colors
from jaxdl.typing import Host

STRENGTH = 0.45  # of a mask's color
BRIGHT = 140  # from which on a color has black letters
LEGEND = 30  # classes in it at most


def draw_objects(
    axis: Any,
    row: Mapping[str, Host],
    classes: Sequence[str],
    skeleton: Skeleton | None = None,
    *,
    letters: float = 4.5,
) -> None:
    """Every kept object over the picture that the axis shows, in the color of its class.

    `row`: `boxes` `(N, 4)`, `labels`, `kept` `(N,)`, and where it has them `scores` `(N,)`, `masks`
    `(N, H, W)` bool, `points` `(N, P, 2)` with `visible` `(N, P)`. A mask is see-through and has an
    outline; a point that is not visible but has a place is hollow. `letters`: size of the names.
    """
    numbers = np.flatnonzero(row["kept"])
    if not len(numbers):
        return
    axis.autoscale(enable=False)  # what lies beyond the picture must not make it smaller
    colors = class_colors(max(len(classes), int(row["labels"].max()) + 1)) / 255
    own = [colors[int(row["labels"][i])] for i in numbers]
    if "masks" in row:
        draw_masks(axis, row["masks"][numbers], own)
    for i, color in zip(numbers, own, strict=True):
        draw_box(axis, row["boxes"][i], name_of(row, int(i), classes), color, letters)
    if "points" in row:
        for i, color in zip(numbers, own, strict=True):
            draw_points(axis, row["points"][i], row["visible"][i], skeleton, color)


def name_of(row: Mapping[str, Host], i: int, classes: Sequence[str]) -> str:
    """The class of object i, and its score where the row has scores."""
    label = int(row["labels"][i])
    name = classes[label] if classes else str(label)
    return f"{name} {row['scores'][i]:.0%}" if "scores" in row else name


def draw_box(axis: Any, box: Host, name: str, color: Host, letters: float) -> None:
    """A frame, and the name on a ground of its color, above the box or within where that is out."""
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = (float(v) for v in box)
    # Pixel centers are whole numbers in the picture, pixel edges in the data.
    x, y = x1 - 0.5, y1 - 0.5
    axis.add_patch(
        Rectangle((x, y), x2 - x1, y2 - y1, fill=False, edgecolor=tuple(color), linewidth=0.8)
    )
    low, high = axis.get_ylim()
    above = y > 0.1 * abs(high - low)
    axis.text(
        x,
        y,
        name,
        fontsize=letters,
        color="black" if luminance(color) > BRIGHT else "white",
        verticalalignment="bottom" if above else "top",
        bbox={"facecolor": tuple(color), "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        clip_on=True,
    )


def luminance(color: Host) -> float:
    """How bright a color in [0, 1] is, 0 to 255 (ITU-R BT.601)."""
    return float(255 * np.dot(color, [0.299, 0.587, 0.114]))


def draw_masks(axis: Any, masks: Host, colors: Sequence[Host]) -> None:
    """Masks `(n, H, W)`, the largest below the others, and their outlines."""
    order = np.argsort(-masks.sum(axis=(1, 2)), kind="stable")
    layer = np.zeros((*masks.shape[1:], 4), np.float32)
    for i in order:
        layer[masks[i]] = [*colors[i], STRENGTH]
    axis.imshow(layer, interpolation="nearest")
    for i in order:
        if masks[i].any() and not masks[i].all():
            axis.contour(masks[i], levels=[0.5], colors=[tuple(colors[i])], linewidths=0.7)


def draw_points(
    axis: Any, points: Host, visible: Host, skeleton: Skeleton | None, color: Host
) -> None:
    """Lines between the visible points of one object, and a dot on each; hollow where unseen."""
    placed = points - 0.5
    for a, b in skeleton.bones if skeleton else ():
        if visible[a] and visible[b]:
            axis.plot(*placed[[a, b]].T, color=tuple(color), linewidth=0.9, solid_capstyle="round")
    rim = {"edgecolors": "white", "linewidths": 0.4, "s": 5, "zorder": 3}
    axis.scatter(*placed[visible].T, color=[tuple(color)], **rim)
    hidden = ~visible & points.any(axis=1)
    rim |= {"edgecolors": [tuple(color)], "linewidths": 0.6}
    axis.scatter(*placed[hidden].T, facecolors="none", **rim)


def object_legend(rows: Sequence[Mapping[str, Host]], classes: Sequence[str]) -> dict[str, Host]:
    """Name -> color, 0 to 255, of the classes of kept objects; of many, of the most frequent."""
    held = [row["labels"][row["kept"]] for row in rows]
    counts = np.bincount(np.concatenate(held).astype(int), minlength=len(classes))
    frequent = np.argsort(-counts[: len(classes)], kind="stable")[:LEGEND].tolist()
    colors = class_colors(len(classes))
    return {str(classes[i]): colors[i] for i in sorted(frequent) if counts[i]}
