"""Image files as pixels, and a count of those that cannot be read."""

import io
import struct
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.images.orientation import orientation_of, turn_pixels, turn_shape
from jaxdl.data.images.shown import shown_pixels
from jaxdl.typing import Host

MOST_PIXELS = 89_478_485  # Pillow's own bound, above which it only warns
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".tif"),
    *(".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# On a stream that belongs to the progress line Pillow warns up to twice the bound, and, without
# the file's name, of damaged EXIF.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", message="Corrupt EXIF data")
ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


class UnreadableImage(DataError):
    """An image file that is damaged, too large, of unknown range, or none at all."""


class ImageHead(NamedTuple):
    """What the head of a file says: why it is no image ("" if it may be one), size and turn."""

    fault: str
    shape: tuple[int, int] = (0, 0)  # as seen
    orientation: int = 1


def decode_image(source: Path | bytes, *, channels: int = 3, name: str = "") -> Host:
    """What a viewer shows of a file or its bytes: `(H, W, channels)` uint8, gray for one channel.

    Turned as EXIF says, transparency on white, 16 bits brought to 8, the first of several frames.
    Raises UnreadableImage, naming the file, where it is damaged, no image or over 89 megapixels.
    """
    name = name or (str(source) if isinstance(source, Path) else "image")
    try:
        with open_image(source) as image:
            orientation = 1 if image.format == "TIFF" else orientation_of(image)  # Pillow has it
            pixels = turn_pixels(shown_pixels(image, channels), orientation)
            return np.ascontiguousarray(pixels)
    except UnreadableImage as error:
        raise UnreadableImage(f"{name}: {error}") from None
    except (OSError, SyntaxError, ValueError, struct.error, MemoryError) as error:
        raise UnreadableImage(f"{name}: {reason(error)}") from None


def open_image(source: Path | bytes) -> Image.Image:
    """Reads the head of an image and refuses one that is too large before it is decoded."""
    if isinstance(source, Path) and source.stat().st_size == 0:
        raise UnreadableImage("the file is empty")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImage(f"it has more than {MOST_PIXELS:,} pixels") from None
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise UnreadableImage(f"it has more than {MOST_PIXELS:,} pixels")
    return image


def read_head(path: Path) -> ImageHead:
    """What the head and tail of a file say of it; all of it is read only where its end is odd."""
    try:
        with open_image(path) as image:
            orientation = orientation_of(image)
            shape = (image.height, image.width)
            if image.format != "TIFF":  # there Pillow has turned it
                shape = turn_shape(shape, orientation)
            fault = "" if has_end(path, image.format or "") else "it is cut off"
            return ImageHead(fault, shape, orientation)
    except (UnreadableImage, OSError, SyntaxError, ValueError, struct.error) as error:
        return ImageHead(reason(error))


def has_end(path: Path, kind: str) -> bool:
    """Whether the file of this format has the mark of its end; some formats have none."""
    end = ENDS.get(kind)
    if end is None:
        return True
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 64, 0))
        if end in file.read():  # some writers pad the end with a few bytes
            return True
        file.seek(0)  # phones append a film
        data = file.read()
    return end in data[first_scan(data) if kind != "PNG" else 0 :]


def first_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin: before, a small picture in the head has an end, too."""
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return place


def read_heads(paths: Iterable[Path]) -> list[ImageHead]:
    """`read_head` of many files, several at a time: most of it waits for the disk."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(read_head, paths))


def quick_faults(paths: Iterable[Path]) -> list[str]:
    """Why files cannot be images, from head and tail alone; "" where they may be."""
    return [head.fault for head in read_heads(paths)]


def reason(error: Exception) -> str:
    """What is wrong with a file, without its path and Python's words."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is no image in a format that is read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


class BadFileBudget:
    """Rows of a set that cannot be used: counted, named, and an error when they are too many."""

    def __init__(self, who: str, total: int, *, fraction: float = 0.001):
        self.who, self.total = who, total
        self.most = max(1, int(total * fraction))
        self.rows: list[tuple[str, str]] = []  # (name, why)

    def add(self, name: str, why: str) -> None:
        """Counts one row. Raises DataError with the first five where the budget is spent."""
        if (name, why) in self.rows:
            return
        self.rows.append((name, why))
        self.check()

    def by_reason(self) -> dict[str, list[str]]:
        """Why -> the names."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.rows:
            reasons.setdefault(why, []).append(name)
        return reasons

    def check(self) -> None:
        """Raises DataError if more rows are bad than may be."""
        if len(self.rows) <= self.most:
            return
        first = "; ".join(f"{name} ({why})" for name, why in self.rows[:5])
        raise DataError(
            f"{self.who}: {len(self.rows)} of {self.total} files cannot be used, at most "
            f"{self.most} may be: {first}{'; ...' if len(self.rows) > 5 else ''}; "
            "remove or replace them"
        )
