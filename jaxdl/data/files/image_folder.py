"""A folder of one's own images, a class a sub-folder."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, check_one_of
from jaxdl.data.images.decode import (
    SUFFIXES,
    BadFileBudget,
    UnreadableImage,
    decode_image,
    quick_faults,
)
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.images.transforms import as_pair
from jaxdl.data.source import Source
from jaxdl.typing import Host

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


class ImageFolder(Source):
    """Images of `root/<class>/**`, classes in the order of their names. A row:

    `image` `(H, W, C)` uint8, `label` int32. With `image_size` every image has that size: its
    shorter side is resized and the middle cut out; without, images keep their own.

    Files whose head or tail shows that they are damaged are left out. One that turns out so when
    it is read is replaced by the next good file of its class. Both stand in `skipped`, up to a
    fraction `budget` of the files (at least one), then DataError names the first five.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        image_size: int | tuple[int, int] | None = None,
        channels: int = 3,
        budget: float = 0.001,
        classes: tuple[str, ...] = (),
    ):
        """`classes`: those of another split, so that both number them alike."""
        self.root = Path(root)
        check_one_of("ImageFolder: channels", channels, (1, 3, 4))
        self.image_size = as_pair(image_size) if image_size is not None else None
        self.channels = channels
        self.classes, files, labels = list_images(self.root, classes)
        self.skipped = BadFileBudget(f"folder {self.root}", len(files), fraction=budget)
        faults = quick_faults(files)
        self.skipped.rows = [
            (self.short(f), why) for f, why in zip(files, faults, strict=True) if why
        ]
        self.skipped.check()
        good = [i for i, why in enumerate(faults) if not why]
        if not good:
            raise DataError(f"ImageFolder: {self.root} has no image that can be read")
        self.files = [files[i] for i in good]
        self.numbers = self.labels = labels[good]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        for number in self.with_spares(range(len(self.files))[index]):
            try:
                image = decode_image(self.files[number], channels=self.channels)
            except UnreadableImage as error:
                why = str(error).removeprefix(f"{self.files[number]}: ")
                self.skipped.add(self.short(self.files[number]), why)
                continue
            if self.image_size is not None:
                image = resize_and_center_crop(image, self.image_size)
            return {"image": image, "label": self.numbers[number]}
        name = self.classes[self.numbers[index]]
        raise DataError(f"ImageFolder: no image of class {name!r} left")

    def with_spares(self, index: int) -> list[int]:
        """The row and, after it, those that may stand for it: the others of its class."""
        same = np.flatnonzero(self.numbers == self.numbers[index])
        return np.roll(same, -int(np.searchsorted(same, index))).tolist()

    def short(self, file: Path) -> str:
        """A file's name within the folder."""
        return file.relative_to(self.root).as_posix()


def list_images(
    root: Path, classes: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], list[Path], Host]:
    """Classes, image files and their labels `(n,)`, in the order of their names.

    Hidden files and those whose suffix is of no image format are not looked at.
    """
    if not root.is_dir():
        raise DataError(f"ImageFolder: there is no folder {root}")
    found = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise DataError(
            f"ImageFolder: {root} has no sub-folders; put the images of each class into a folder "
            f"of its name: {root}/cat/1.jpg, {root}/dog/2.jpg"
        )
    strangers = [name for name in found if classes and name not in classes]
    if strangers:
        raise DataError(
            f"ImageFolder: {root} has classes {strangers[:5]} that training has not: {classes[:9]}"
        )
    classes = classes or tuple(found)
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        own = images_below(root / name)
        files += own
        labels += [label] * len(own)
        if not own and not strangers and name in found:
            raise DataError(f"ImageFolder: class folder {root / name} has no image files")
    return classes, files, np.array(labels, np.int32)


def images_below(folder: Path) -> list[Path]:
    """Image files at any depth, in the order of their names."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    return sorted(found)


def find_splits(root: Path | str) -> dict[str, Path]:
    """The folders of `train`, `val` and `test` below `root`; the whole is "train" if none is."""
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    found = {
        split: root / name
        for split, names in SPLITS.items()
        for name in names
        if (root / name).is_dir()
    }
    return found if "train" in found else {"train": root}
