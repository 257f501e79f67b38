"""Keypoints of pictures: which of them lie in their picture."""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import EDGE
from jaxdl.data.notes import Notes
from jaxdl.typing import Host

OUTSIDE = "a keypoint outside its picture"


class PointCheck:
    """Leaves out and counts keypoints outside their pictures; too many of them are an error.

    As with boxes (`BoxCheck`) 1 % is the bound, and up to a pixel beyond the edge is rounding.
    """

    def __init__(self, who: str, notes: Notes, *, fraction: float = 0.01):
        self.who, self.notes, self.fraction = who, notes, fraction
        self.total = 0
        self.small = 0  # keypoints within the first two pixels
        self.outside: list[str] = []
        self.objects = self.blank = 0  # all, and those without a labeled keypoint

    def good(
        self,
        name: str,
        points: Host,
        visible: Host,
        shape: tuple[int, int],
        *,
        objects: Sequence[str] = (),
    ) -> dict[str, Host]:
        """Points `(n, K, 2)` and `visible` `(n, K)` of a picture (H, W), in which they lie."""
        limit = np.array(shape[::-1], points.dtype)
        beyond = visible & ((points < -EDGE) | (points > limit + EDGE)).any(axis=-1)
        for i, k in np.argwhere(beyond).tolist():
            where = f"image {name}, {objects[i]}" if objects else f"image {name}"
            place = f"{where}, keypoint {k + 1} at {np.round(points[i, k], 2).tolist()}"
            self.outside.append(place)
            self.notes.leave_out(place, OUTSIDE)
        self.total += int(visible.sum())
        if min(shape) > 8:
            self.small += int((visible & (np.abs(points).max(axis=-1) <= 2)).sum())
        self.objects += len(visible)
        self.blank += int((~visible.any(axis=1)).sum())
        left = visible & ~beyond
        return {"points": np.clip(points, 0, limit) * left[..., None], "visible": left}

    def finish(self) -> None:
        """Raises DataError, naming the first, where too many keypoints lie outside."""
        if self.total and self.small > 0.5 * self.total:
            raise DataError(
                f"{self.who}: {self.small} of {self.total} keypoints lie within two pixels of the "
                "corner; they look like fractions: multiply them by the width and height"
            )
        if self.outside and len(self.outside) >= self.fraction * self.total:
            raise DataError(
                f"{self.who}: {len(self.outside)} of {self.total} keypoints lie outside their "
                f"pictures, fewer than {self.fraction:.0%} may: {'; '.join(self.outside[:5])}. In "
                "COCO-json a keypoint is x, y, v in pixels, v = 0 where it is not labeled"
            )
        if self.blank:
            self.notes.taken.append(
                f"objects without a labeled keypoint: {self.blank} of {self.objects}"
            )
