"""Objects with masks as one class for each pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.masks.label_map import VOID
from jaxdl.data.masks.masked_images import place_segments
from jaxdl.typing import Host

GROUND = "background"


class SegmentedObjects(AnnotatedImages):
    """Pictures whose pixels have the class of the object that they show. A row:

    `image` `(H, W, 3)` uint8; `segments` `(H, W)` uint8: 0 the background, then the classes; 255
    where a crowd is, and beside the picture. Where objects overlap the smaller one is in front.
    """

    def __init__(
        self, who: str, pictures: Sequence[AnnotatedImage], classes: tuple[str, ...], **options: Any
    ):
        """Options are those of `AnnotatedImages`; the pictures have masks."""
        super().__init__(who, pictures, classes, **options)
        self.classes = (GROUND, *classes)

    def row(self, picture: AnnotatedImage, image: Host) -> dict[str, Host]:
        """The picture and its classes at the set's size."""
        objects = super().row(picture, image)
        masks = objects["masks"][objects["kept"]]
        values = np.where(objects["difficult"], VOID, objects["labels"] + 1)[objects["kept"]]
        empty = np.zeros(image.shape[:2], np.uint8)
        row = place_segments(image, empty, self.image_size, keep_shape=self.keep_shape)
        inside = row["segments"] == 0
        for i in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
            row["segments"][masks[i] & inside] = values[i]
        return row
