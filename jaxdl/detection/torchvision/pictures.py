"""Pictures as torchvision's detectors are given them, and what is found in them in their pixels.

This is torchvision's `GeneralizedRCNNTransform`: normalize, resize, fill up to a common size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.detection.detector import Detections
from jaxdl.models.weights.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from jaxdl.ops.resize import resize
from jaxdl.typing import Host


class PaddedPictures(NamedTuple):
    """Pictures of different sizes in one array: each in the corner at the top left, then zeros."""

    images: Host  # (B, H, W, 3) float32, normalized
    sizes: Host  # (B, 2) int32: height and width that each has within
    full: Host  # (B, 2) int32: those that it came with


@dataclass(frozen=True)
class DetectorPictures:
    """What a picture goes through before one of torchvision's detectors sees it."""

    shorter: int = 800
    """Its shorter side is brought to so many pixels,"""
    longer: int = 1333
    """or to less, where its longer side would exceed these."""
    fixed: tuple[int, int] | None = None
    """Instead of both: this height and width, whatever the picture's shape."""
    multiple: int = 32
    """Height and width of the whole array are multiples of it."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width that a picture of this height and width is brought to."""
        if self.fixed is not None:
            return self.fixed
        factor = min(self.shorter / min(size), self.longer / max(size))
        height, width = (math.floor(side * factor) for side in size)
        if not min(height, width):
            raise UsageError(f"picture: {size[0]} x {size[1]} is too narrow to be made smaller")
        return height, width

    def __call__(self, images: Sequence[Host]) -> PaddedPictures:
        """uint8 pictures `(H, W, 3)` of any sizes; resized bilinearly, without antialiasing."""
        full = [(image.shape[0], image.shape[1]) for image in images]
        sizes = [self.size_of(size) for size in full]
        height, width = (
            -(-max(sides) // self.multiple) * self.multiple for sides in zip(*sizes, strict=True)
        )
        out = np.zeros((len(images), height, width, len(self.mean)), np.float32)
        mean, std = (np.asarray(values, np.float32) for values in (self.mean, self.std))
        for row, image, size in zip(out, images, sizes, strict=True):
            pixels = (image.astype(np.float32) / 255 - mean) / std
            row[: size[0], : size[1]] = resize(jnp.asarray(pixels)[None], size)[0]
        return PaddedPictures(out, np.asarray(sizes, np.int32), np.asarray(full, np.int32))


def to_full_size(found: Detections, pictures: PaddedPictures) -> Detections:
    """Detections in the pixels of padded pictures, in those that the pictures came with.

    Boxes and points are moved; masks `(B, K, M, M)` lie within their boxes and stay as they are.
    """
    factor = pictures.full.astype(np.float32) / pictures.sizes.astype(np.float32)
    x_y = factor[:, None, ::-1]  # (B, 1, 2)
    boxes = np.asarray(found.boxes) * np.tile(x_y, 2)
    if found.points is None:
        return found._replace(boxes=boxes)
    points = np.array(found.points)
    points[..., :2] *= x_y[:, :, None]
    return found._replace(boxes=boxes, points=points)
