"""Panoptic sets of tensorflow-datasets as one class for each pixel."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.images.decode import decode_image
from jaxdl.data.masks.label_map import VOID
from jaxdl.data.masks.masked_images import place_segments
from jaxdl.data.tfds.rows import PreparedRows
from jaxdl.typing import Host


class TfdsSegments(PreparedRows):
    """Pictures of coco/2017_panoptic, things and stuff alike. A row:

    `image` `(*image_size, 3)` uint8, upper left; `segments` `(*image_size)` uint8, 255 where a
    pixel is of no segment, or of a crowd, and beside the picture.
    """

    def __init__(self, version: Path, split: str, *, image_size: tuple[int, int]):
        super().__init__(version, split)
        self.image_size = image_size

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.raw(index)
        image = decode_image(row["image"])
        segments = segment_classes(row["panoptic_image"], row["panoptic_objects"])
        if segments.shape != image.shape[:2]:
            raise DataError(f"its panoptic_image is {segments.shape}, its image {image.shape[:2]}")
        return place_segments(image, segments, self.image_size)


def segment_classes(colors: Host, objects: Any) -> Host:
    """The class of each pixel: `(H, W, 3)` uint8, ids R + 256 G + 65536 B -> `(H, W)` uint8.

    `objects` has `id`, `label` and `is_crowd` of each segment. Raises DataError for an id that is
    none of theirs (0 is no segment).
    """
    pixels = colors.astype(np.int64) @ np.array([1, 256, 65536])
    classes = {int(i): int(k) for i, k in zip(objects["id"], objects["label"], strict=True)}
    crowds = [int(i) for i, yes in zip(objects["id"], objects["is_crowd"], strict=True) if yes]
    classes |= dict.fromkeys([0, *crowds], VOID)
    ids, place = np.unique(pixels, return_inverse=True)
    strange = [int(i) for i in ids if int(i) not in classes]
    if strange:
        raise DataError(f"its panoptic_image has the segment {strange[0]}, its objects have not")
    return np.array([classes[int(i)] for i in ids], np.uint8)[place.reshape(pixels.shape)]
