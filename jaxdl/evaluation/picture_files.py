"""A person's own picture files, decoded in groups, and a sheet of what was said of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxdl.data.files.image_folder import images_below
from jaxdl.data.images.decode import UnreadableImage, decode_image
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.notes import Notes
from jaxdl.draw import draw_grid
from jaxdl.typing import Host

GROUP = 32  # pictures that are decoded and computed at once
SHEET = 48  # pictures on a sheet, at most
THUMB = (160, 160)  # pixels of a picture on a sheet


class Predicted(NamedTuple):
    """What is made of files, as text, and what of them could not be used, with the reason.

    `rows`: what is made as plain values, for programs: `file` and, by the kind of run, its
    `classes` with scores, `objects`, `shares` of pixels, `text`, and what was `drawn`.
    """

    lines: list[str]
    faults: list[str]
    rows: Sequence[Mapping[str, Any]] = ()


class PictureFiles:
    """Picture files and the pictures below folders, decoded in groups.

    Those that cannot be read are left out; `faults` says which, and why.
    """

    def __init__(self, files: Sequence[Path], *, channels: int = 3):
        self.channels = channels
        self.faults: list[str] = []
        self.files: list[Path] = []
        for file in files:
            below, notes = [file], Notes()
            if file.is_dir():
                below = images_below([file], file, notes)[0]
            self.files += below
            left = [(name, why) for why, names in notes.left_out.items() for name in names]
            self.faults += [f"{file / name}: {why}" for name, why in left]
            if not below:
                self.faults.append(f"{file}: there is no picture in this folder")

    def __iter__(self) -> Iterator[tuple[list[Path], list[Host]]]:
        """(files, their pictures `(H, W, C)` uint8), group by group."""
        for start in range(0, len(self.files), GROUP):
            kept: list[tuple[Path, Host]] = []
            for file in self.files[start : start + GROUP]:
                try:
                    kept.append((file, decode_image(file, channels=self.channels)))
                except UnreadableImage as error:
                    self.faults.append(str(error))
            if kept:
                yield [file for file, _ in kept], [image for _, image in kept]


class Sheet:
    """The first pictures of a prediction, each with what was said of it."""

    def __init__(self, most: int = SHEET):
        self.most, self.count = most, 0
        self.images: list[Host] = []
        self.titles: list[str] = []

    def add(self, image: Host, title: str) -> None:
        """One more picture, made small."""
        self.count += 1
        if self.count <= self.most:
            self.images.append(resize_and_center_crop(image, THUMB))
            self.titles.append(title)

    def save(self, path: Path) -> list[str]:
        """Draws it where there are pictures; the line that says where it is."""
        if not self.images:
            return []
        draw_grid(self.images, self.titles, cell=1.9).save(path)
        which = "" if self.count <= self.most else f" (the first {self.most} of {self.count})"
        return [f"sheet of pictures: {path}{which}"]
