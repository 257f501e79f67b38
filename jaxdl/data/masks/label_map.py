"""Pictures whose pixels are numbers of classes or objects, not colors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.images.decode import open_image, reason
from jaxdl.typing import Host

VOID = 255  # in rows: a pixel that does not count
MOST_CLASSES = VOID  # that a uint8 tells apart from it


def read_label_map(file: Path) -> Host:
    """The numbers of a PNG with a palette or of one channel: `(H, W)` uint8.

    Raises DataError, naming the file, for a picture of colors or none at all.
    """
    try:
        with open_image(file) as image:
            if image.format != "PNG" or image.mode not in ("P", "L"):
                raise DataError(
                    f"it must be a PNG of numbers (palette), got {image.format}, {image.mode}; "
                    "draw each class with its number"
                )
            return np.asarray(image, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{file}: {reason(error)}") from None


class ClassNumbers:
    """What the numbers in masks mean: places in `classes`, `VOID`, or nothing."""

    def __init__(self, classes: Sequence[str], values: Sequence[int] = (), ignore: int = VOID):
        """`values`: the number of each class (default: its place); `ignore` -1: none is void."""
        self.values = tuple(values) or tuple(range(len(classes)))
        self.classes, self.ignore = tuple(classes), ignore
        self.places = np.full(256, -1, np.int16)
        self.places[list(self.values)] = np.arange(len(classes))
        if ignore >= 0:
            self.places[ignore] = VOID

    def classes_of(self, numbers: Host, who: object) -> Host:
        """The class of each pixel, `VOID` where none counts: `(H, W)` uint8.

        Raises DataError, with the name `who` of the mask, for a number that means nothing.
        """
        places = self.places[numbers]
        if places.min() < 0:
            strange = np.unique(numbers[places < 0])
            known = ", ".join(map(str, self.values[:12])) + ", ..." * (len(self.values) > 12)
            void = f", {self.ignore} does not count" if self.ignore >= 0 else ""
            raise DataError(
                f"{who} has the number {strange[0]} in {(numbers == strange[0]).sum()} pixels, "
                f"which is no class: those of the {len(self.classes)} classes are {known}{void}; "
                "see data.values, data.class_names and data.ignore"
            )
        return places.astype(np.uint8)
