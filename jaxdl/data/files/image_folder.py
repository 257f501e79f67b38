"""A folder of one's own images, a class a sub-folder."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, check_one_of
from jaxdl.data.files.folder_walk import (
    known_classes,
    own_entries,
    sub_folders,
    suffix_of,
    walk,
)
from jaxdl.data.images.decode import (
    SUFFIXES,
    BadFileBudget,
    UnreadableImage,
    decode_image,
    read_head,
    read_heads,
)
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.images.transforms import as_pair
from jaxdl.data.notes import Notes
from jaxdl.data.source import Source
from jaxdl.typing import Host

LEAST = 4  # pixels on a side of a picture that shows something
# Formats of pictures that are not read: their files are missed.
FOREIGN = (
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".eps", ".raw", ".dng", ".nef"),
    *(".cr2", ".cr3", ".arw", ".orf", ".exr", ".hdr", ".dcm"),
)


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
        self.notes = Notes()
        self.classes, files, labels = list_images(self.root, classes, self.notes)
        self.skipped = BadFileBudget(f"folder {self.root}", len(files), fraction=budget)
        heads = read_heads(files)
        self.skipped.rows = [
            (self.short(f), head.fault) for f, head in zip(files, heads, strict=True) if head.fault
        ]
        self.skipped.check()
        good = [i for i, head in enumerate(heads) if not head.fault]
        if not good:
            raise DataError(f"ImageFolder: {self.root} has no image that can be read")
        self.files = [files[i] for i in good]
        self.shapes = [heads[i].shape for i in good]
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

    def faults(self, index: int) -> list[str]:
        """A picture of hardly any pixels."""
        height, width = self.shapes[index]
        few = min(height, width) < LEAST
        return [f"{self.short(self.files[index])} has {height} x {width} pixels"] if few else []

    def with_spares(self, index: int) -> list[int]:
        """The row and, after it, those that may stand for it: the others of its class."""
        same = np.flatnonzero(self.numbers == self.numbers[index])
        return np.roll(same, -int(np.searchsorted(same, index))).tolist()

    def short(self, file: Path) -> str:
        """A file's name within the folder."""
        return file.relative_to(self.root).as_posix()


def list_images(
    root: Path, classes: tuple[str, ...], notes: Notes
) -> tuple[tuple[str, ...], list[Path], Host]:
    """Classes, image files and their labels `(n,)`, in the order of their names.

    Two ways to write an accented letter are one name. What is no image file, or may be one and is
    not read, is said in `notes`.
    """
    if not root.is_dir():
        raise DataError(f"ImageFolder: there is no folder {root}")
    found: dict[str, list[Path]] = {}
    for folder in sub_folders(root):
        found.setdefault(unicodedata.normalize("NFC", folder.name), []).append(folder)
    stray = [p.name for p in own_entries(root) if p.is_file() and suffix_of(p) in SUFFIXES]
    if not found:
        lies = f"{len(stray)} images lie in it; " if stray else ""
        raise DataError(
            f"ImageFolder: {root} has no sub-folders; {lies}put the images of each class into a "
            f"folder of its name: {root}/cat/1.jpg, {root}/dog/2.jpg"
        )
    classes = known_classes("ImageFolder", root, found, classes)
    files, labels, others = [], [], []
    for label, name in enumerate(classes):
        own, rest = images_below(found.get(name, []), root, notes)
        files += own
        labels += [label] * len(own)
        others += rest
        if not own and name in found:
            raise DataError(
                f"ImageFolder: class folder {root / name} has no image files; remove it, or name "
                "the folder of the classes in data.path"
            )
    for name in stray:
        notes.leave_out(name, "it lies beside the class folders")
    if others:
        kinds = sorted({suffix_of(path) or path.name for path in others})
        notes.taken.append(f"{len(others)} files are no images: {', '.join(kinds[:5])}")
    return classes, files, np.array(labels, np.int32)


def images_below(
    folders: Sequence[Path], root: Path, notes: Notes
) -> tuple[list[Path], list[Path]]:
    """(image files at any depth, files of other kinds), in the order of their names."""
    images, others = [], []
    for path, fault in sorted(found for folder in folders for found in walk(folder)):
        suffix = suffix_of(path)
        name = path.relative_to(root).as_posix()
        if fault:
            notes.leave_out(name, fault)
        elif suffix in FOREIGN:
            notes.leave_out(name, f"pictures in {suffix} are not read")
        elif suffix in SUFFIXES or (not suffix and not read_head(path).fault):
            images.append(path)
        else:
            others.append(path)
    return images, others
