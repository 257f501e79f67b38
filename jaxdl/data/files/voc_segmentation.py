"""Pictures with a class for every pixel, in the layout of PASCAL VOC."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.voc import CLASSES, VOID, read_segmentation
from jaxdl.data.files.voc_folder import VocFolder
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, read_heads
from jaxdl.data.images.letterbox import letterbox, letterbox_masks
from jaxdl.data.images.orientation import turn_pixels, turn_shape
from jaxdl.data.notes import Notes
from jaxdl.data.source import Source
from jaxdl.typing import Host


class SegmentedImages(Source):
    """Pictures of a VOC folder with `SegmentationClass/*.png`. A row:

    `image` `(H, W, 3)` uint8, upper left in `image_size`; `segments` `(H, W)` uint8, a class a
    pixel, 255 where none counts (the rims of objects, and beside the picture).
    """

    def __init__(
        self,
        folder: VocFolder,
        names: Sequence[str],
        *,
        who: str = "",
        image_size: tuple[int, int],
        classes: tuple[str, ...] = ("background", *CLASSES),
        keep_shape: bool = True,
        budget: float = 0.001,
        notes: Notes | None = None,
    ):
        """`names`: of the pictures; `who`: what messages call it; `notes`: what is to be said."""
        self.folder, self.notes = folder, notes
        self.classes = classes
        self.image_size, self.keep_shape = image_size, keep_shape
        self.skipped = BadFileBudget(who or str(folder.root), len(names), fraction=budget)
        heads = read_heads(folder.picture(name) for name in names)
        self.heads = dict(zip(names, heads, strict=True))
        self.skipped.rows = [(name, head.fault) for name, head in self.heads.items() if head.fault]
        self.skipped.check()
        self.names = [name for name, head in self.heads.items() if not head.fault]
        if not self.names:
            raise DataError(f"{folder.root}: no pictures are left")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.names))[index]
        for i in range(len(self.names)):
            name = self.names[(start + i) % len(self.names)]
            try:
                image = decode_image(self.folder.picture(name), name=name)
            except UnreadableImage as error:
                self.skipped.add(name, str(error).removeprefix(f"{name}: "))
                continue
            return self.row(name, image)
        raise DataError("no picture can be read")

    def row(self, name: str, image: Host) -> dict[str, Host]:
        """The picture and its classes at the set's size."""
        file = self.folder.root / "SegmentationClass" / f"{name}.png"
        numbers, turn = read_segmentation(file), self.heads[name].orientation
        if numbers.shape != image.shape[:2] == turn_shape(numbers.shape, turn):
            numbers = turn_pixels(numbers, turn)  # drawn on the picture as it is stored
        if numbers.shape != image.shape[:2]:
            raise DataError(f"{file} is {numbers.shape}, its picture {image.shape[:2]}")
        strange = numbers[(numbers >= len(self.classes)) & (numbers != VOID)]
        if strange.size:
            raise DataError(f"{file} has class {strange[0]}, there are {len(self.classes)}")
        options = {"keep_shape": self.keep_shape}
        inside = letterbox_masks(np.ones(numbers.shape, bool), self.image_size, **options)
        segments = letterbox_masks(numbers, self.image_size, **options)
        return {
            "image": letterbox(image, self.image_size, **options),
            "segments": np.where(inside, segments, VOID).astype(np.uint8),
        }
