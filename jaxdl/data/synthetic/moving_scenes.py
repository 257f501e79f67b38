"""Made clips of one or two arrows, each of which goes its own way, with boxes in every frame."""

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.splits.philox import choose, uniforms
from jaxdl.data.synthetic.base import Generated
from jaxdl.data.synthetic.moving_shapes import MOTIONS, inside_arrow, paint
from jaxdl.typing import Host

CLASSES = ("still", "right", "left", "down", "up")
SLOTS = 2
FIELDS = ("video", "boxes", "labels", "kept")


class MovingScenes(Generated):
    """Arrows on a dark ground, T frames. A row:

    `video` `(T, H, W, 3)` uint8; `boxes` `(T, 2, 4)` float32, x1, y1, x2, y2 of each arrow in each
    frame; `labels` `(2,)` int32, where it goes; `kept` `(2,)` bool, False is no arrow. An arrow
    points anywhere, so that one frame does not say where it goes. It stays in the picture; one may
    pass before the other, whose box then is still that of its whole.
    """

    classes = CLASSES

    def __init__(
        self, size: int = 1000, seed: int = 0, *, frames: int = 8, image_size: tuple[int, int]
    ):
        super().__init__(size, seed)
        check_positive("MovingScenes: frames", frames)
        self.frames, self.image_size = frames, image_size

    @property
    def description(self) -> str:
        """One line for reports."""
        height, width = self.image_size
        return (
            f"synthetic scenes of moving arrows, {self.frames}x{height}x{width}, seed {self.seed}"
        )

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        u = uniforms(self.seed, "scenes.draw", rows, SLOTS * 7).reshape(len(rows), SLOTS, 7)
        labels, kept = choose(u[..., 0], len(CLASSES)), u[..., 1] < np.array([1.0, 0.7])
        side = min(self.image_size)
        radius = side * (0.11 + 0.05 * u[..., 2])
        way = np.array([MOTIONS[name][:2] for name in CLASSES], float)[labels]  # (n, SLOTS, 2)
        move = way * (side * (0.03 + 0.03 * u[..., 3, None]))
        whole = move * (self.frames - 1)
        room = np.array(self.image_size[::-1]) - 2 * radius[..., None] - np.abs(whole)
        begin = radius[..., None] + np.maximum(-whole, 0) + u[..., 4:6] * room
        center = begin[:, :, None] + np.arange(self.frames)[:, None] * move[:, :, None]
        masks = self.masks(center, radius, 2 * np.pi * u[..., 6]) & kept[..., None, None, None]
        video = paint(self.seed, rows, masks[:, 0])
        second = masks[:, 1, ..., None]
        over = paint(self.seed + 1, rows, masks[:, 1])
        return {
            "video": np.where(second, over, video),
            "boxes": boxes_of(masks).swapaxes(1, 2),
            "labels": labels.astype(np.int32),
            "kept": kept,
        }

    def masks(self, center: Host, radius: Host, angle: Host) -> Host:
        """Which pixels are an arrow: places `(n, SLOTS, T, 2)` -> `(n, SLOTS, T, H, W)`."""
        height, width = self.image_size
        dx = np.arange(width) + 0.5 - center[..., 0, None, None]
        dy = (np.arange(height) + 0.5)[:, None] - center[..., 1, None, None]
        c, s = (f(angle)[..., None, None, None] for f in (np.cos, np.sin))
        scale = radius[..., None, None, None]
        return inside_arrow((c * dx + s * dy) / scale, (c * dy - s * dx) / scale)


def boxes_of(masks: Host) -> Host:
    """The box around each mask, zeros where there is none: `(..., H, W)` -> `(..., 4)` float32."""
    sides = []
    for axis in (-2, -1):  # columns, then rows, that have a pixel
        there = np.asarray(masks.any(axis=axis))
        first = there.argmax(axis=-1)
        last = there.shape[-1] - there[..., ::-1].argmax(axis=-1)
        sides.append(np.where(there.any(axis=-1), [first, last], 0))
    (x1, x2), (y1, y2) = sides
    return np.stack([x1, y1, x2, y2], axis=-1).astype(np.float32)
