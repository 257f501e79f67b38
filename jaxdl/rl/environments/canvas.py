"""Lines and disks in world coordinates, as a small picture."""

import numpy as np
from PIL import Image, ImageDraw

from jaxdl.typing import Host

WIDTH = 240
Point = tuple[float, float]


class Canvas:
    """A white picture of the world's part `x` times `y`, y upwards, 240 pixels wide."""

    def __init__(self, x: Point, y: Point) -> None:
        self.scale = WIDTH / (x[1] - x[0])
        self.origin = x[0], y[1]
        self.image = Image.new("RGB", (WIDTH, round((y[1] - y[0]) * self.scale)), "white")
        self.pen = ImageDraw.Draw(self.image)

    def line(self, start: Point, end: Point, color: str, width: float) -> None:
        """A stroke; `width` is in the world's units."""
        points = [self._pixel(start), self._pixel(end)]
        self.pen.line(points, color, max(1, round(width * self.scale)))

    def disk(self, center: Point, radius: float, color: str) -> None:
        """A filled circle."""
        (x, y), r = self._pixel(center), radius * self.scale
        self.pen.ellipse((x - r, y - r, x + r, y + r), color)

    def picture(self) -> Host:
        """uint8 `(H, W, 3)`."""
        return np.asarray(self.image)

    def _pixel(self, point: Point) -> Point:
        left, top = self.origin
        return (point[0] - left) * self.scale, (top - point[1]) * self.scale


def enlarge(cells: Host, side: int = 20) -> Host:
    """uint8 `(H, W, 3)`, every cell `side` pixels wide."""
    return cells.repeat(side, axis=0).repeat(side, axis=1)
