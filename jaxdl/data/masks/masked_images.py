"""Pictures with a class for every pixel, each in a file of its own."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, read_heads
from jaxdl.data.images.letterbox import letterbox, letterbox_masks
from jaxdl.data.images.orientation import turn_pixels, turn_shape
from jaxdl.data.masks.label_map import VOID, ClassNumbers, read_label_map
from jaxdl.data.notes import Notes
from jaxdl.data.source import Source
from jaxdl.typing import Host


class MaskedImages(Source):
    """Pictures and their masks. A row:

    `image` `(H, W, 3)` uint8, upper left in `image_size`; `segments` `(H, W)` uint8, a class a
    pixel, 255 where none counts (what the masks say is void, and beside the picture).
    """

    def __init__(
        self,
        who: str,
        pairs: Mapping[str, tuple[Path, Path]],
        numbers: ClassNumbers,
        *,
        image_size: tuple[int, int],
        keep_shape: bool = True,
        budget: float = 0.001,
        notes: Notes | None = None,
    ):
        """`pairs`: name -> (picture, mask); `notes`: what is to be said of them."""
        self.pairs, self.numbers, self.notes = dict(pairs), numbers, notes
        self.classes = numbers.classes
        self.image_size, self.keep_shape = image_size, keep_shape
        self.skipped = BadFileBudget(who, len(pairs), fraction=budget)
        heads = read_heads(picture for picture, _ in pairs.values())
        self.heads = dict(zip(pairs, heads, strict=True))
        self.skipped.rows = [(name, head.fault) for name, head in self.heads.items() if head.fault]
        self.skipped.check()
        self.names = [name for name, head in self.heads.items() if not head.fault]
        if not self.names:
            raise DataError(f"{who}: no pictures are left")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.names))[index]
        for i in range(len(self.names)):
            name = self.names[(start + i) % len(self.names)]
            try:
                image = decode_image(self.pairs[name][0], name=name)
            except UnreadableImage as error:
                self.skipped.add(name, str(error).removeprefix(f"{name}: "))
                continue
            return self.row(name, image)
        raise DataError("no picture can be read")

    def row(self, name: str, image: Host) -> dict[str, Host]:
        """The picture and its classes at the set's size."""
        file, turn = self.pairs[name][1], self.heads[name].orientation
        numbers = read_label_map(file)
        if numbers.shape != image.shape[:2] == turn_shape(numbers.shape, turn):
            numbers = turn_pixels(numbers, turn)  # drawn on the picture as it is stored
        if numbers.shape != image.shape[:2]:
            sizes = (f"{h}x{w}" for h, w in (numbers.shape, image.shape[:2]))
            raise DataError("{} is {} (height x width), its picture {}".format(file, *sizes))
        segments = self.numbers.classes_of(numbers, file)
        return place_segments(image, segments, self.image_size, keep_shape=self.keep_shape)


def place_segments(
    image: Host, segments: Host, size: tuple[int, int], *, keep_shape: bool = True
) -> dict[str, Host]:
    """The row of a picture `(H, W, 3)` and its classes `(H, W)`: both letterboxed, void beside."""
    inside = letterbox_masks(np.ones(segments.shape, bool), size, keep_shape=keep_shape)
    placed = letterbox_masks(segments, size, keep_shape=keep_shape)
    return {
        "image": letterbox(image, size, keep_shape=keep_shape),
        "segments": np.where(inside, placed, VOID).astype(np.uint8),
    }
