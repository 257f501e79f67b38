"""What a picture of one colored shape shows, by a rule: no network judges what a network made."""

import numpy as np

from jaxdl.data.synthetic.outlines import KINDS, draw_outlines
from jaxdl.data.synthetic.shapes import COLORS
from jaxdl.typing import Host

NEAR = 60.0  # a pixel this near to a color, of 0 to 255, is of it; the gray ground is further away
LEAST = 4  # pixels: fewer are no shape
RADII, STEPS = 6, 3  # outlines that are tried: radii, and centers along each axis


def name_shapes(images: Host) -> tuple[Host, Host]:
    """Pictures `(N, H, W, 3)` in 0 to 255 -> color and kind, `(N,)` places in `COLORS`, `KINDS`.

    The color is the one that most pixels are near to, the kind that of the drawn outline whose
    pixels have the largest intersection over union with those. Where there is no shape both are -1.
    """
    colors = np.array(list(COLORS.values()), np.float32)
    color, kind = np.full((2, len(images)), -1)
    for i, image in enumerate(images):
        away = np.linalg.norm(image.astype(np.float32)[:, :, None] - colors, axis=-1)
        owner = np.where(away.min(axis=-1) < NEAR, away.argmin(axis=-1), len(colors))
        counts = np.bincount(owner.ravel(), minlength=len(colors) + 1)[:-1]
        if counts.max() >= LEAST:
            color[i] = counts.argmax()
            kind[i] = name_outline(owner == color[i])
    return color, kind


def name_outline(mask: Host) -> int:
    """The place in `KINDS` of the outline that fits `mask (H, W)`, not empty, best."""
    rows, columns = np.nonzero(mask)
    y, x = (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2
    half = max(np.ptp(rows), np.ptp(columns)) / 2 + 0.5
    tried = np.meshgrid(
        np.arange(len(KINDS)),
        half * np.linspace(0.95, 1.25, RADII),
        x + np.linspace(-0.5, 0.5, STEPS),
        y + half * np.linspace(-0.15, 0.15, STEPS),
        indexing="ij",
    )
    kind, radius, x, y = (values.ravel() for values in tried)
    drawn = draw_outlines(kind, x, y, radius, mask.shape)
    overlap = (drawn & mask).sum(axis=(1, 2)) / (drawn | mask).sum(axis=(1, 2))
    return int(kind[overlap.argmax()])
