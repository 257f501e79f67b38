"""Flat shapes as inequalities, and what their masks say: tight boxes and outermost points."""

import numpy as np

from jaxdl.typing import Host

KINDS = ("circle", "square", "triangle", "diamond", "cross", "ring")
KEYPOINTS = ("top", "right", "bottom", "left")


def inside_outline(kind: str, x: Host, y: Host) -> Host:
    """Whether points are in the upright shape of radius 1, y down: bool of the broadcast shape."""
    if kind == "circle":
        return x**2 + y**2 <= 1
    if kind == "ring":
        return np.abs(x**2 + y**2 - 0.65) <= 0.35
    if kind == "square":
        return np.maximum(np.abs(x), np.abs(y)) <= 0.85
    if kind == "diamond":
        return np.abs(x) + np.abs(y) <= 1
    if kind == "triangle":
        return (y <= 0.8) & (2 * np.abs(x) <= 0.95 + y)
    if kind == "cross":
        least, most = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
        return (least <= 0.33) & (most <= 0.95)
    raise ValueError(f"inside_outline: kind must be one of {', '.join(KINDS)}, got {kind!r}")


def draw_outlines(kind: Host, x: Host, y: Host, radius: Host, size: tuple[int, int]) -> Host:
    """Which pixels' centers are in each shape: kinds, centers, radii `(m,)` -> `(m, H, W)` bool."""
    dy = (np.arange(size[0])[None] + 0.5 - y[:, None]) / radius[:, None]
    dx = (np.arange(size[1])[None] + 0.5 - x[:, None]) / radius[:, None]
    masks = np.zeros((len(kind), *size), bool)
    for number, name in enumerate(KINDS):
        of = np.flatnonzero(kind == number)
        masks[of] = inside_outline(name, dx[of][:, None, :], dy[of][:, :, None])
    return masks


def tight_boxes(masks: Host) -> Host:
    """The smallest boxes around masks `(..., H, W)`: `(..., 4)` float32, zeros if empty."""
    columns, rows = np.any(masks, axis=-2), np.any(masks, axis=-1)
    x1, y1 = columns.argmax(axis=-1), rows.argmax(axis=-1)
    x2 = columns.shape[-1] - columns[..., ::-1].argmax(axis=-1)
    y2 = rows.shape[-1] - rows[..., ::-1].argmax(axis=-1)
    boxes = np.stack([x1, y1, x2, y2], axis=-1)
    return (boxes * np.any(columns, axis=-1)[..., None]).astype(np.float32)


def outermost_points(masks: Host, boxes: Host) -> Host:
    """The middles of each mask's outermost pixels, as KEYPOINTS: `(m, H, W)` -> `(m, 4, 2)`."""
    x1, y1, x2, y2 = boxes.T
    each = np.arange(len(masks))
    last = np.maximum(boxes[:, 2:].astype(np.int64) - 1, 0)
    top, bottom = (masks[each, row] for row in (y1.astype(np.int64), last[:, 1]))  # (m, W)
    left, right = (masks[each, :, column] for column in (x1.astype(np.int64), last[:, 0]))
    points = np.stack(
        [
            np.stack([middle(top), y1 + 0.5], axis=-1),
            np.stack([x2 - 0.5, middle(right)], axis=-1),
            np.stack([middle(bottom), y2 - 0.5], axis=-1),
            np.stack([x1 + 0.5, middle(left)], axis=-1),
        ],
        axis=1,
    )
    return (points * np.any(masks, axis=(1, 2))[:, None, None]).astype(np.float32)


def middle(line: Host) -> Host:
    """The mean position of the true pixels in lines `(m, L)`: `(m,)`."""
    return (line * (np.arange(line.shape[1]) + 0.5)).sum(axis=1) / np.maximum(line.sum(axis=1), 1)
