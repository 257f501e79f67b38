"""Boxes of a picture: which are usable, and a fixed number of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.notes import count_left_out, name_some
from jaxdl.typing import Host

LEAST = 0.5  # part of a box that must lie in the picture
NO_AREA = -1.0  # of an object whose area is not annotated
EDGE = 1.0  # pixels beyond it that rounding may bring


def box_fault(box: Host, shape: tuple[int, int]) -> str:
    """Why `x1, y1, x2, y2` cannot be a box of a picture (H, W); "" if it can."""
    if not np.isfinite(box).all():
        return "is not finite"
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        return "is inverted"
    if x2 == x1 or y2 == y1:
        return "has no area"
    clipped = clip_boxes(box[None], shape)[0]
    inside = (clipped[2] - clipped[0]) * (clipped[3] - clipped[1])
    return "" if inside >= LEAST * (x2 - x1) * (y2 - y1) else "lies outside the image"


def clip_boxes(boxes: Host, shape: tuple[int, int]) -> Host:
    """Boxes `(n, 4)` cut at the edges of a picture (H, W)."""
    height, width = shape
    return np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))


def reach(box: Host, shape: tuple[int, int]) -> float:
    """How many pixels a box reaches beyond the edges of a picture (H, W)."""
    x1, y1, x2, y2 = box
    return float(max(-x1, -y1, x2 - shape[1], y2 - shape[0], 0))


class Dropped(NamedTuple):
    """An object that cannot be used: where it is, why, and the same with its numbers."""

    where: str
    why: str
    text: str


class BoxCheck:
    """Drops and counts unusable boxes of a set; too many of them are an error.

    1 % is the bound: a wrong convention (fractions for pixels, corners for width and height) breaks
    far more, a slip of the hand far fewer. Boxes that reach beyond their picture are kept, cut at
    its edge and counted in `cut`.
    """

    def __init__(self, who: str, *, fraction: float = 0.01):
        self.who = who
        self.fraction = fraction
        self.total = 0
        self.small = 0  # boxes that lie within the first two pixels
        # By image and place in it: a stream meets each in every epoch.
        self.dropped: dict[tuple[str, int], Dropped] = {}
        self.cut: dict[tuple[str, int], str] = {}  # where

    def good(
        self,
        name: str,
        boxes: Host,
        shape: tuple[int, int],
        *,
        objects: Sequence[str] = (),
        known: Sequence[str] = (),
    ) -> Host:
        """Which boxes `(n, 4)` of the picture can be used: `(n,)` bool.

        `objects`: their names; `known`: what is already known to be wrong with each, or "".
        """
        known = known or [""] * len(boxes)
        places = [f"image {name}, {own}" for own in objects] or [f"image {name}"] * len(boxes)
        faults = [why or box_fault(box, shape) for box, why in zip(boxes, known, strict=True)]
        self.total += len(boxes)
        self.small += (
            int((np.abs(boxes).max(axis=-1, initial=0) <= 2).sum()) if min(shape) > 8 else 0
        )
        for i, (where, box, why) in enumerate(zip(places, boxes, faults, strict=True)):
            text = why if known[i] else f"box {np.round(box, 2).tolist()} {why}"
            if why:
                self.dropped[name, i] = Dropped(where, why, text)
            elif reach(box, shape) > EDGE:
                self.cut[name, i] = where
        return np.array([not why for why in faults], bool)

    def by_reason(self) -> dict[str, list[str]]:
        """Why boxes were dropped -> their images."""
        reasons: dict[str, list[str]] = {}
        for where, why, _ in self.dropped.values():
            reasons.setdefault(why, []).append(where)
        return reasons

    def remarks(self) -> list[str]:
        """How many objects were left out and why, how many boxes were cut."""
        lines = count_left_out(self.by_reason(), "object")
        if self.cut:
            shown = name_some(list(self.cut.values()))
            lines.append(
                f"boxes that reach beyond their picture and are cut: {len(self.cut)} {shown}"
            )
        return lines

    def finish(self) -> None:
        """Raises DataError, naming the first images, where too many boxes were dropped."""
        if self.total and self.small > 0.5 * self.total:
            raise DataError(
                f"{self.who}: {self.small} of {self.total} boxes lie within two pixels of the "
                "corner; they look like fractions: multiply them by the width and height"
            )
        if not self.dropped or len(self.dropped) < self.fraction * self.total:
            return
        bad = list(self.dropped.values())
        first = "; ".join(f"{where}: {text}" for where, _, text in bad[:5])
        form = any(text != why for _, why, text in bad)  # of a box that could be read
        hint = (
            ". In COCO-json a box is x, y, width, height in pixels, in VOC xmin, ymin, xmax, ymax"
        )
        raise DataError(
            f"{self.who}: {len(bad)} of {self.total} boxes cannot be used, fewer than "
            f"{self.fraction:.0%} may be: {first}{hint if form else ''}"
        )


def pad_objects(arrays: Mapping[str, Host], most: int) -> dict[str, Host]:
    """Arrays `(n, ...)` of one picture's objects as `(most, ...)`, and `kept` `(most,)` bool.

    Padding is zero. Of more than `most` objects the largest stay, in their order.
    """
    count = len(arrays["boxes"])
    rows = np.arange(count)
    if count > most:
        x1, y1, x2, y2 = arrays["boxes"].T
        rows = np.sort(np.argsort(-(x2 - x1) * (y2 - y1), kind="stable")[:most])
    made = {}
    for name, value in arrays.items():
        made[name] = np.zeros((most, *value.shape[1:]), value.dtype)
        made[name][: len(rows)] = value[rows]
    made["kept"] = np.arange(most) < len(rows)
    return made
