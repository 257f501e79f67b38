"""Synthetic pictures of colored shapes with everything that can be asked of a picture.

Class, box, mask and keypoints of each shape, and a caption, from left to right:
"red circle blue square and green cross".
"""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.data.captions import END, NULL, SPECIAL, START, UNKNOWN
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.splits.philox import choose, uniforms, words
from jaxdl.data.synthetic.base import Generated
from jaxdl.data.synthetic.outlines import (
    KEYPOINTS,
    KINDS,
    draw_outlines,
    outermost_points,
    tight_boxes,
)
from jaxdl.typing import Host

COLORS = {
    "red": (214, 40, 40),
    "green": (30, 160, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 215, 40),
    "purple": (140, 50, 170),
    "orange": (245, 135, 30),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
VOCABULARY = (*SPECIAL, "and", *COLORS, *KINDS)
AND = len(SPECIAL)
MOST = 6  # shapes in a picture
CAPTION = 2 * MOST + 3  # their words, "and", <START>, <END>
FIELDS = (
    *("image", "label", "boxes", "labels", "kept", "masks", "points", "visible"),
    "caption",
)
SKELETON = Skeleton(KEYPOINTS, ((0, 1), (1, 2), (2, 3), (3, 0)))
GROUND = "background"  # the first class of `segments`, where no shape is


class Shapes(Generated):
    """1 to 6 shapes a picture. A row, N = 6 objects of which the first few are real:

    `image` `(H, W, 3)` uint8; `label`, the class of the largest shape; `boxes` `(N, 4)` float32,
    `labels` `(N,)` int32, `kept` `(N,)` bool; `masks` `(N, H, W)` bool, what is seen of each;
    `points` `(N, 4, 2)` float32, the middles of the outermost pixels (top, right, bottom, left),
    `visible` `(N, 4)` bool; `caption` `(15,)` int32, ids of `vocabulary`. Padding is zero.
    Only where `fields` names it, and then `classes` begin with the ground: `segments` `(H, W)`
    uint8, what is seen at each pixel.
    """

    classes: tuple[str, ...] = KINDS
    colors = tuple(COLORS)
    vocabulary = VOCABULARY
    skeleton = SKELETON

    def __init__(
        self,
        size: int = 10_000,
        seed: int = 0,
        *,
        image_size: tuple[int, int] = (64, 64),
        objects: tuple[int, int] = (1, MOST),
        anywhere: bool = False,
        fields: Sequence[str] = FIELDS,
    ):
        """`objects`: the fewest and the most per picture; `fields`: only these keys in a row.

        `anywhere`: the one object of a picture, of half the size at most, at any place.
        """
        super().__init__(size, seed)
        if not 1 <= objects[0] <= objects[1] <= MOST:
            raise ValueError(f"Shapes: objects must rise within 1..{MOST}, got {objects}")
        if anywhere and objects != (1, 1):
            raise ValueError(f"Shapes: anywhere is for one object per picture, got {objects}")
        if min(image_size) < 24:
            raise ValueError(f"Shapes: image_size must be at least 24x24, got {image_size}")
        for name in fields:
            check_one_of("Shapes: fields", name, (*FIELDS, "segments"))
        if "segments" in fields:
            if {"label", "labels"} & set(fields):
                raise ValueError("Shapes: label and labels have no ground, segments do: not both")
            self.classes = (GROUND, *KINDS)
        self.image_size = image_size
        self.objects = objects
        self.anywhere = anywhere
        self.fields = tuple(fields)

    @property
    def description(self) -> str:
        """One line for reports."""
        height, width = self.image_size
        return f"synthetic colored shapes, {height}x{width}, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        scene = draw_scene(self.seed, rows, self.image_size, self.objects, anywhere=self.anywhere)
        masks = draw_masks(scene, self.image_size)
        boxes = tight_boxes(masks)
        kept, kind = scene["kept"], scene["kind"]
        largest = masks.sum(axis=(2, 3)).argmax(axis=1)
        points = outermost_points(masks.reshape(-1, *self.image_size), boxes.reshape(-1, 4))
        made = {
            "image": paint(self.seed, rows, scene, masks),
            "label": kind[np.arange(len(rows)), largest].astype(np.int32),
            "boxes": boxes,
            "labels": np.where(kept, kind, 0).astype(np.int32),
            "kept": kept,
            "masks": masks,
            "points": points.reshape(len(rows), MOST, len(KEYPOINTS), 2),
            "visible": np.repeat(kept[..., None], len(KEYPOINTS), axis=2),
            "caption": write_captions(scene, boxes),
            "segments": ((kind + 1)[:, :, None, None] * masks).sum(axis=1).astype(np.uint8),
        }
        return {name: made[name] for name in self.fields}

    def text(self, caption: Host) -> str:
        """A caption's ids as words, without the special ones."""
        return " ".join(VOCABULARY[i] for i in caption if i > UNKNOWN)


def draw_scene(
    seed: int,
    rows: Host,
    image_size: tuple[int, int],
    objects: tuple[int, int],
    *,
    anywhere: bool = False,
) -> dict[str, Host]:
    """What is where, arrays `(n, 6)`; of two that overlap the later is in front.

    Each shape has its own cell of a grid, which it may leave a little, so only rims overlap;
    `anywhere` gives one as large as if there were two or three cells to a side any place.
    """
    u = uniforms(seed, "shapes.scene", rows, 2 + 6 * MOST + 9)
    count = objects[0] + choose(u[:, 0], objects[1] - objects[0] + 1)
    least = np.full(len(rows), 2.0) if anywhere else np.ceil(np.sqrt(count))
    grid = (least + np.floor(u[:, 1] * (4 - least)))[:, None]  # cells per side, at most 3
    cell = np.where(np.arange(9)[None] < grid**2, u[:, -9:], 2.0).argsort(axis=1)[:, :MOST]
    kind, color, shade, x, y, radius = u[:, 2:-9].reshape(len(rows), 6, MOST).swapaxes(0, 1)
    height, width = image_size[0] / grid, image_size[1] / grid
    radius = (0.28 + 0.2 * radius) * np.minimum(height, width)
    place = {
        "x": (cell % grid + 0.5 + 0.3 * (x - 0.5)) * width,
        "y": (cell // grid + 0.5 + 0.3 * (y - 0.5)) * height,
    }
    if anywhere:
        sides = {"x": (x, image_size[1]), "y": (y, image_size[0])}
        place = {name: radius + u * (side - 2 * radius) for name, (u, side) in sides.items()}
    return {
        "kept": np.arange(MOST)[None] < count[:, None],
        "kind": choose(kind, len(KINDS)),
        "color": choose(color, len(COLORS)),
        "shade": shade,
        "radius": radius,
        **place,
    }


def draw_masks(scene: dict[str, Host], size: tuple[int, int]) -> Host:
    """The pixels of each shape that no later one covers: `(n, 6, H, W)` bool."""
    kept = scene["kept"]
    masks = np.zeros((*kept.shape, *size), bool)
    kind, x, y, radius = (scene[name][kept] for name in ("kind", "x", "y", "radius"))
    masks[kept] = draw_outlines(kind, x, y, radius, size)
    in_front = np.zeros((len(kept), *size), bool)
    for i in reversed(range(MOST)):
        masks[:, i] &= ~in_front
        in_front |= masks[:, i]
    return masks


def paint(seed: int, rows: Host, scene: dict[str, Host], masks: Host) -> Host:
    """Shapes in their colors over a gray slope, with noise: `(n, H, W, 3)` uint8."""
    n, _, height, width = masks.shape
    u = uniforms(seed, "shapes.ground", rows, 6).astype(np.float32)
    slope_y = (u[:, :1] - 0.5) * np.linspace(-40, 40, height, dtype=np.float32)  # (n, H)
    slope_x = (u[:, 1:2] - 0.5) * np.linspace(-40, 40, width, dtype=np.float32)
    ground = slope_y[:, :, None] + slope_x[:, None, :]
    tint = 100 + 60 * u[:, 2:3] + 16 * (u[:, 3:] - 0.5)  # (n, 3)
    palette = np.array(list(COLORS.values()), np.float32)[scene["color"]]
    palette += 24 * (scene["shade"][..., None] - 0.5)
    palette = np.concatenate([tint[:, None], palette], axis=1)  # (n, 7, 3)
    owner = np.zeros((n, height, width), np.int64)  # 0 the ground, then the shapes
    for i in range(MOST):
        owner += (i + 1) * masks[:, i]
    image = palette.reshape(-1, 3)[owner + (MOST + 1) * np.arange(n)[:, None, None]]
    image += np.where(owner == 0, ground, 0)[..., None]
    count = height * width * 3
    noise = words(seed, "shapes.noise", rows, (count + 3) // 4).astype("<u4").view(np.uint8)
    image += noise[:, :count].reshape(image.shape) * np.float32(1 / 16) - np.float32(7.5)
    return np.clip(image, 0, 255).astype(np.uint8)


def write_captions(scene: dict[str, Host], boxes: Host) -> Host:
    """Color and kind from left to right, "and" before the last: `(n, 15)` int32 ids."""
    count = scene["kept"].sum(axis=1)
    place = np.where(scene["kept"], boxes[..., 0] + boxes[..., 1] / 1e4, np.inf)
    order = place.argsort(axis=1, kind="stable")
    color = np.take_along_axis(scene["color"], order, axis=1) + AND + 1
    kind = np.take_along_axis(scene["kind"], order, axis=1) + AND + 1 + len(COLORS)
    ids = np.full((len(count), CAPTION), NULL, np.int32)
    ids[:, 0] = START
    several = count > 1
    for i in range(MOST):
        there = np.flatnonzero(i < count)
        at = 1 + 2 * i + (several & (i == count - 1))[there]
        ids[there, at], ids[there, at + 1] = color[there, i], kind[there, i]
    ids[several, 2 * count[several] - 1] = AND
    ids[np.arange(len(count)), 1 + 2 * count + several] = END
    return ids
