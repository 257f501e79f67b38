"""Pictures with a class for every pixel, in the layout of PASCAL VOC."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.voc import CLASSES, VOID, list_names, read_segmentation
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, quick_faults
from jaxdl.data.images.letterbox import letterbox, letterbox_masks
from jaxdl.data.source import Source
from jaxdl.typing import Host


class SegmentedImages(Source):
    """`root/JPEGImages/*.jpg` with `root/SegmentationClass/*.png`. A row:

    `image` `(H, W, 3)` uint8, upper left in `image_size`; `segments` `(H, W)` uint8, a class a
    pixel, 255 where none counts (the rims of objects, and beside the picture).
    """

    def __init__(
        self,
        root: Path | str,
        split: str = "",
        *,
        image_size: tuple[int, int],
        classes: tuple[str, ...] = ("background", *CLASSES),
        keep_shape: bool = True,
        budget: float = 0.001,
    ):
        """`split`: a list in `ImageSets/Segmentation`; without it, all that have a segmentation."""
        self.root = Path(root)
        self.classes = classes
        self.image_size, self.keep_shape = image_size, keep_shape
        names = list_names(self.root, split, "Segmentation")
        self.skipped = BadFileBudget(f"{root} {split}".strip(), len(names), fraction=budget)
        faults = quick_faults(self.root / "JPEGImages" / f"{name}.jpg" for name in names)
        pairs = list(zip(names, faults, strict=True))
        self.skipped.rows = [(name, why) for name, why in pairs if why]
        self.skipped.check()
        self.names = [name for name, why in pairs if not why]
        if not self.names:
            raise DataError(f"{root}: no pictures are left")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.names))[index]
        for i in range(len(self.names)):
            name = self.names[(start + i) % len(self.names)]
            try:
                image = decode_image(self.root / "JPEGImages" / f"{name}.jpg", name=name)
            except UnreadableImage as error:
                self.skipped.add(name, str(error).removeprefix(f"{name}: "))
                continue
            return self.row(name, image)
        raise DataError("no picture can be read")

    def row(self, name: str, image: Host) -> dict[str, Host]:
        """The picture and its classes at the set's size."""
        file = self.root / "SegmentationClass" / f"{name}.png"
        numbers = read_segmentation(file)
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
