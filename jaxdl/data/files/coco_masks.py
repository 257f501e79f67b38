"""Masks as COCO writes them: run lengths, packed run lengths, polygons."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.coco_schema import read_numbers, show_value
from jaxdl.typing import Host

HUGE = 1e30  # no larger sum is printed
FINE = 5  # polygons are drawn on a grid this many times finer


def decode_mask(segment: Any, shape: tuple[int, int]) -> Host:
    """A `segmentation` of COCO-json as a mask: polygons, or run lengths -> `(H, W)` bool."""
    if isinstance(segment, Mapping):
        return from_runs(read_runs(segment, shape), shape)
    mask = np.zeros(shape, bool)
    for polygon in segment:
        corners = read_polygon(polygon)
        check_near(corners, shape)
        mask |= polygon_mask(corners, shape)
    return mask


def segment_fault(segment: Any, shape: tuple[int, int]) -> str:
    """Why a `segmentation` is none of an image (H, W); "" if it is one. Nothing is drawn."""
    try:
        if isinstance(segment, Mapping) and not read_runs(segment, shape)[1::2].sum():
            return "its segmentation has no pixel"
        if not isinstance(segment, (Mapping, list)) or not segment:
            return f"its segmentation must be polygons or run lengths, got {show_value(segment)}"
        polygons = [read_polygon(p) for p in segment] if isinstance(segment, list) else []
        for corners in polygons:
            check_near(corners, shape)
        if polygons and not any(covers(corners, shape) for corners in polygons):
            return "its segmentation has no area in the picture"
        return ""
    except DataError as error:
        return f"its segmentation is of no use: {error}"


def read_runs(segment: Mapping[str, Any], shape: tuple[int, int]) -> Host:
    """The run lengths of `counts`, which fit `size` and the image (H, W)."""
    size, counts = segment.get("size"), segment.get("counts")
    counts = counts.decode("latin-1") if isinstance(counts, bytes) else counts  # pycocotools'
    if not isinstance(size, list) or tuple(size) != tuple(shape):
        raise DataError(f"its size is {show_value(size)}, the image has {shape[0]}x{shape[1]}")
    if not isinstance(counts, (str, list)):
        raise DataError(f"its counts must be a text or a list, got {show_value(counts)}")
    runs = unpack_runs(counts) if isinstance(counts, str) else read_numbers(counts)
    if isinstance(runs, str):
        raise DataError(f"its counts {runs}")
    # Before they are whole numbers of 64 bits, which a larger one would not fit.
    total, least = sum(runs), min(runs, default=0)
    if total != shape[0] * shape[1] or least < 0 or any(run != run // 1 for run in runs):
        shown = max(-HUGE, min(total, HUGE))
        raise DataError(f"run lengths sum to {shown:g}, not {shape[0]} * {shape[1]}")
    return np.asarray(runs, np.int64)


def read_polygon(polygon: Any) -> Host:
    """The corners `(k, 2)` of a polygon `x1, y1, x2, y2, ...`, also one of pairs `[x1, y1]`."""
    if isinstance(polygon, list) and all(isinstance(p, list) and len(p) == 2 for p in polygon):
        polygon = [number for pair in polygon for number in pair]
    corners = read_numbers(polygon)
    if isinstance(corners, str):
        raise DataError(f"a polygon {corners}")
    if len(corners) < 6 or len(corners) % 2 or not np.isfinite(corners).all():
        raise DataError(f"a polygon needs at least three x, y pairs, got {len(corners)} numbers")
    return corners.reshape(-1, 2)


def check_near(corners: Host, shape: tuple[int, int]) -> None:
    """Raises DataError for a corner far from the image (H, W), to which no line could be drawn."""
    side = max(shape)
    if corners.min() < -side or corners.max() > 2 * side:
        far = corners.ravel()[np.abs(corners).argmax()]
        raise DataError(f"a polygon reaches to {far:g}, far beyond {shape[0]}x{shape[1]}")


def covers(corners: Host, shape: tuple[int, int]) -> bool:
    """Whether a polygon has an area, and reaches into the image (H, W)."""
    (x, y), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    inside = (corners.max(axis=0) > 0).all() and x.min() < shape[1] and y.min() < shape[0]
    return bool(inside and np.sum(x * y1 - x1 * y) != 0)


def polygon_bounds(segment: Any) -> Host | None:
    """x1, y1, x2, y2 around polygons; None where the segmentation is something else, or wrong."""
    if not isinstance(segment, list) or not segment:
        return None
    try:
        corners = np.concatenate([read_polygon(polygon) for polygon in segment])
    except DataError:
        return None
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def from_runs(runs: Host, shape: tuple[int, int]) -> Host:
    """Lengths of runs of 0, 1, 0, ... down the columns, first to last: `(H, W)` bool."""
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(shape[1], shape[0]).T


def unpack_runs(text: str) -> list[int]:
    """Run lengths from a packed string: five bits per character, less the one two before it."""
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise DataError(f"packed run lengths have the character {character!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:  # more follows
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs


def polygon_mask(corners: Host, shape: tuple[int, int]) -> Host:
    """The pixels in a polygon with corners `(k, 2)`, to the pixel as pycocotools draws it.

    Its outline is drawn on a finer grid; where that crosses the middle of a column of pixels, the
    column changes between outside and inside.
    """
    height, width = shape
    u, v = fine_outline(np.trunc(FINE * corners + 0.5))
    step = np.flatnonzero(u[1:] != u[:-1])
    before, after = step, step + 1
    x = np.where(u[after] < u[before], u[after], u[after] - 1)
    x = (x + 0.5) / FINE - 0.5
    y = (np.minimum(v[after], v[before]) + 0.5) / FINE - 0.5
    y = np.ceil(np.clip(y, 0, height))
    on = (np.floor(x) == x) & (x >= 0) & (x <= width - 1)
    place = (x[on] * height + y[on]).astype(np.int64)
    changes = np.bincount(place, minlength=height * width + 1)[: height * width]
    return (np.cumsum(changes) % 2 == 1).reshape(width, height).T


def fine_outline(corners: Host) -> tuple[Host, Host]:
    """The points of the closed line through whole-numbered corners `(k, 2)`, one per step."""
    us, vs = [], []
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dx, dy = abs(x1 - x0), abs(y1 - y0)
        steps = np.arange(max(dx, dy) + 1)
        # The slope is taken from the lower end, so that a line has the same points both ways.
        if dx >= dy:
            flip = x0 > x1
            (xa, ya), (_, yb) = ((x1, y1), (x0, y0)) if flip else ((x0, y0), (x1, y1))
            t = dx - steps if flip else steps
            us.append(t + xa)
            vs.append(np.trunc(ya + (yb - ya) / max(dx, 1) * t + 0.5))
        else:
            flip = y0 > y1
            (xa, ya), (xb, _) = ((x1, y1), (x0, y0)) if flip else ((x0, y0), (x1, y1))
            t = dy - steps if flip else steps
            vs.append(t + ya)
            us.append(np.trunc(xa + (xb - xa) / dy * t + 0.5))
    return np.concatenate(us), np.concatenate(vs)
