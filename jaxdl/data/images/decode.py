"""Image files as pixels, and a count of those that cannot be read."""

import io
import struct
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.typing import Host

MOST_PIXELS = 89_478_485  # Pillow's own bound, above which it only warns
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"),
    *(".pgm", ".pbm"),
)
# Up to twice the bound Pillow warns, on a stream that belongs to the progress line.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


class UnreadableImage(DataError):
    """An image file that is damaged, too large, or none at all."""


def decode_image(source: Path | bytes, *, channels: int = 3, name: str = "") -> Host:
    """The pixels of a file or of its bytes: `(H, W, channels)` uint8, gray for one channel.

    Raises UnreadableImage, naming the file, where it is damaged, no image or over 89 megapixels.
    """
    name = name or (str(source) if isinstance(source, Path) else "image")
    try:
        with open_image(source) as image:
            image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
            return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)
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


def probe_image(path: Path) -> str:
    """Why the file cannot be an image, from its head and tail alone; "" if it may be one."""
    try:
        with open_image(path) as image:
            end = ENDS.get(image.format or "")
        with path.open("rb") as file:
            # Some writers pad the end with a few bytes.
            file.seek(max(path.stat().st_size - 64, 0))
            return "" if end is None or end in file.read() else "it is cut off"
    except (UnreadableImage, OSError, SyntaxError, ValueError, struct.error) as error:
        return reason(error)


def quick_faults(paths: Iterable[Path]) -> list[str]:
    """`probe_image` of many files, several at a time: most of it waits for the disk."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(probe_image, paths))


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
            f"{self.who}: {len(self.rows)} of {self.total} files cannot be read, at most "
            f"{self.most} may be: {first}{'; ...' if len(self.rows) > 5 else ''}; "
            "remove or replace them"
        )
