"""Long made recordings of a point that acts now and then, and when which action happens."""

import numpy as np

from jaxdl.checks import check_at_least
from jaxdl.data.splits.philox import choose, normals, uniforms
from jaxdl.data.synthetic.base import Generated
from jaxdl.typing import Host

CLASSES = ("wave", "nod", "circle", "jump")
SLOTS = 3  # actions of a recording, at most one in each third of it
NOISE = 0.15  # deviation of each number; actions reach 0.6 to 1


class Actions(Generated):
    """What a tracker of a hand might give, T numbers of x and y. A row:

    `signal` `(T, 2)` float32; `segments` `(3, 2)` float32, start and end of actions in steps;
    `labels` `(3,)` int32; `kept` `(3,)` bool, False is no action. Actions last T / 12 steps up to
    almost a third of T: wave (x to and fro), nod (y to and fro), circle (both), jump (y up and
    down once). Between them there is noise alone.
    """

    classes = CLASSES

    def __init__(self, size: int = 1000, seed: int = 0, *, length: int = 96):
        """`length`: T."""
        super().__init__(size, seed)
        check_at_least("Actions: length", length, 48)
        self.length = length

    @property
    def description(self) -> str:
        """One line for reports."""
        return f"synthetic actions of a point, {self.length} steps, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        u = uniforms(self.seed, "actions.draw", rows, SLOTS * 7).reshape(len(rows), SLOTS, 7)
        room = self.length / SLOTS
        lasts = self.length / 12 + u[..., 0] * (room * 0.9 - self.length / 12)
        start = np.arange(SLOTS) * room + u[..., 1] * (room - lasts)
        kept = u[..., 2] < 0.8
        labels = choose(u[..., 3], len(CLASSES))
        since = np.arange(self.length) + 0.5 - start[..., None]  # (n, SLOTS, T)
        inside = (since > 0) & (since < lasts[..., None]) & kept[..., None]
        phase = 2 * np.pi * (since / (5 + 3 * u[..., 4, None]) + u[..., 5, None])
        to_and_fro, across = np.sin(phase), np.cos(phase)
        once = np.sin(np.pi * since / lasts[..., None])
        is_a = [labels[..., None] == k for k in range(len(CLASSES))]
        x = np.where(is_a[0] | is_a[2], to_and_fro, 0)
        y = np.select([is_a[1], is_a[2], is_a[3]], [to_and_fro, across, once], 0)
        reach = (0.6 + 0.4 * u[..., 6, None]) * inside
        noise = normals(self.seed, "actions.noise", rows, 2 * self.length)
        signal = NOISE * noise.reshape(len(rows), self.length, 2)
        signal += np.stack([(x * reach).sum(axis=1), (y * reach).sum(axis=1)], axis=-1)
        segments = np.stack([start, start + lasts], axis=-1) * kept[..., None]
        return {
            "signal": signal.astype(np.float32),
            "segments": segments.astype(np.float32),
            "labels": labels.astype(np.int32),
            "kept": kept,
        }
