"""Synthetic clips of one moving shape whose class only the motion tells."""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.data.splits.philox import choose, uniforms, words
from jaxdl.data.synthetic.base import Generated
from jaxdl.typing import Host

# What a class changes a frame, in units of its speed: x and y, the turn, the size.
MOTIONS = {
    "still": (0, 0, 0, 0),
    "right": (1, 0, 0, 0),
    "left": (-1, 0, 0, 0),
    "down": (0, 1, 0, 0),
    "up": (0, -1, 0, 0),
    "clockwise": (0, 0, 1, 0),
    "anticlockwise": (0, 0, -1, 0),
    "growing": (0, 0, 0, 1),
    "shrinking": (0, 0, 0, -1),
}
FIELDS = ("video", "label", "masks", "flow")


class Moving(Generated):
    """One arrow on a gray ground, T frames. A row:

    `video` `(T, H, W, 3)` uint8; `label` int32; `masks` `(T, H, W)` bool, the arrow's pixels;
    `flow` `(T - 1, H, W, 2)` float32, how far (x, y) what is at a pixel moves to the next frame.

    Place, angle and size run in circles (the picture's edges join; after the largest size comes
    the smallest) and begin anywhere on them. So every frame of every class has the same
    distribution: a single frame says nothing.
    """

    classes = tuple(MOTIONS)

    def __init__(
        self,
        size: int = 10_000,
        seed: int = 0,
        *,
        frames: int = 8,
        image_size: tuple[int, int] = (32, 32),
        motions: Sequence[str] = tuple(MOTIONS),
        fields: Sequence[str] = ("video", "label"),
    ):
        """`motions`: only these classes; `fields`: only these keys in a row."""
        super().__init__(size, seed)
        if frames < 2:
            raise ValueError(f"Moving: frames must be >= 2, got {frames}")
        for name in motions:
            check_one_of("Moving: motions", name, MOTIONS)
        for name in fields:
            check_one_of("Moving: fields", name, FIELDS)
        self.frames = frames
        self.image_size = image_size
        self.classes = tuple(motions)
        self.fields = tuple(fields)

    @property
    def description(self) -> str:
        """One line for reports."""
        height, width = self.image_size
        return f"synthetic moving arrows, {self.frames}x{height}x{width}, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        label, states = self.draw_states(rows)
        x, y = local_places(states, self.image_size)
        masks = inside_arrow(x, y)
        made = {"label": label.astype(np.int32), "masks": masks}
        if "video" in self.fields:
            made["video"] = paint(self.seed, rows, masks)
        if "flow" in self.fields:
            made["flow"] = flow_of(states, x, y) * masks[:, :-1, :, :, None]
        return {name: made[name] for name in self.fields}

    def draw_states(self, rows: Host) -> tuple[Host, Host]:
        """Labels `(n,)` and, a frame, place x and y, angle and radius: `(n, T, 4)` float64."""
        u = uniforms(self.seed, "moving.state", rows, 6)
        label = choose(u[:, 0], len(self.classes))
        height, width = self.image_size
        side = min(height, width)
        speed = 1 + u[:, 1:2] * np.array([[0.06 * side, 0.06 * side, 0, 0]])
        speed *= np.array([[1, 1, 2 * np.pi / 16, 1 / 12]])
        motion = np.array([MOTIONS[name] for name in self.classes])[label] * speed
        begin = u[:, 2:] * np.array([[width, height, 2 * np.pi, 1]])
        states = begin[:, None] + np.arange(self.frames)[None, :, None] * motion[:, None]
        phase = states[..., 3] % 1
        radius = side * 0.14 * 2**phase  # the largest is twice the smallest
        return label, np.concatenate([states[..., :3], radius[..., None]], axis=-1)


def local_places(states: Host, size: tuple[int, int]) -> tuple[Host, Host]:
    """Where each pixel is for the arrow, at unit size and upright: x, y `(n, T, H, W)`."""
    height, width = size
    x0, y0, angle, radius = (v[..., None, None] for v in np.moveaxis(states, -1, 0))
    # The nearest of the arrow's copies on the joined plane.
    dx = (np.arange(width) + 0.5 - x0 + width / 2) % width - width / 2  # (n, T, 1, W)
    dy = (np.arange(height)[:, None] + 0.5 - y0 + height / 2) % height - height / 2
    c, s = np.cos(angle) / radius, np.sin(angle) / radius
    return c * dx + s * dy, c * dy - s * dx


def inside_arrow(x: Host, y: Host) -> Host:
    """An arrow that points up, of radius 1: a head over a shaft."""
    head = (y <= 0) & (np.abs(x) <= 0.75 * (y + 1))
    shaft = (y >= 0) & (y <= 0.95) & (np.abs(x) <= 0.3)
    return head | shaft


def flow_of(states: Host, x: Host, y: Host) -> Host:
    """The move to the next frame of the arrow's point at each pixel: `(n, T - 1, H, W, 2)`."""
    now, then = states[:, :-1, :, None, None], states[:, 1:, :, None, None]
    x, y = x[:, :-1], y[:, :-1]

    def placed(state: Host) -> tuple[Host, Host]:
        c, s = np.cos(state[:, :, 2]) * state[:, :, 3], np.sin(state[:, :, 2]) * state[:, :, 3]
        return state[:, :, 0] + c * x - s * y, state[:, :, 1] + s * x + c * y

    (x_now, y_now), (x_then, y_then) = placed(now), placed(then)
    return np.stack([x_then - x_now, y_then - y_now], axis=-1).astype(np.float32)


def paint(seed: int, rows: Host, masks: Host) -> Host:
    """An arrow of any bright color on a dark ground, with noise that changes: uint8."""
    n, frames, height, width = masks.shape
    u = uniforms(seed, "moving.color", rows, 4).astype(np.float32)
    arrow = 110 + 120 * u[:, None, None, None, :3]
    ground = 30 + 50 * u[:, None, None, None, 3:]
    count = frames * height * width * 3
    noise = words(seed, "moving.noise", rows, (count + 3) // 4).astype("<u4").view(np.uint8)
    noise = noise[:, :count].reshape(n, frames, height, width, 3) * np.float32(1 / 16)
    return (np.where(masks[..., None], arrow, ground) + noise).astype(np.uint8)
