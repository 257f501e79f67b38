"""A film as frames: a folder of pictures, an animated picture, or a video file."""

import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, require
from jaxdl.data.files.folder_walk import own_entries, suffix_of
from jaxdl.data.images.decode import (
    SUFFIXES,
    UnreadableImage,
    decode_image,
    open_image,
    read_heads,
    reason,
)
from jaxdl.typing import Host

ANIMATED = (".gif", ".webp", ".apng")
VIDEO = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
DAMAGED = (UnreadableImage, OSError, EOFError, SyntaxError, ValueError, IndexError, struct.error)
UNEVEN = 0.5  # of the usual time between two frames, that one may differ by


class UnreadableFilm(DataError):
    """A film that is damaged, empty, of frames of several sizes, or none at all."""


class Film(ABC):
    """Frames in the order of time. `times` `(N,)`: when each begins, in seconds; a folder of
    pictures does not say, its frames are one second apart."""

    path: Path
    times: Host
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.times)

    @abstractmethod
    def frames(self, places: Sequence[int]) -> Host:
        """The frames of these numbers, rising, each at most once: `(T, H, W, 3)` uint8."""


def open_film(path: Path) -> Film:
    """What is at `path`, without its pixels.

    Raises UnreadableFilm, naming the file, where it has no frames, they differ in size, or it is
    damaged; UsageError where it is a video and PyAV is not there.
    """
    if path.is_dir():
        return FrameFolder(path)
    if path.is_file() and path.stat().st_size == 0:
        raise UnreadableFilm(f"{path}: the file is empty")
    return AnimatedPicture(path) if suffix_of(path) in ANIMATED else VideoFile(path)


class FrameFolder(Film):
    """Pictures in a folder, in the order of their names; 2.jpg comes before 10.jpg."""

    def __init__(self, path: Path):
        self.path = path
        files = [p for p in own_entries(path) if suffix_of(p) in SUFFIXES]
        if not files:
            raise UnreadableFilm(f"{path}: there are no frames, no picture files, in this folder")
        self.files = sorted(files, key=in_order)
        heads = read_heads(self.files)
        for file, head in zip(self.files, heads, strict=True):
            if head.fault:
                raise UnreadableFilm(f"{file}: {head.fault}")
            check_size(file, head.shape, heads[0].shape, self.files[0].name)
        self.shape = heads[0].shape
        self.times = np.arange(len(files), dtype=np.float64)

    def frames(self, places: Sequence[int]) -> Host:
        try:
            return np.stack([decode_image(self.files[i]) for i in places])
        except UnreadableImage as error:
            raise UnreadableFilm(str(error)) from None


class AnimatedPicture(Film):
    """A GIF, or an animated WebP or PNG."""

    def __init__(self, path: Path):
        self.path = path
        lasts = []
        try:
            with open_image(path) as image:
                self.shape = (image.height, image.width)
                count = getattr(image, "n_frames", 1)
                for i in range(count):
                    image.seek(i)
                    image.load()
                    lasts.append(image.info.get("duration", 100) / 1000)
        except DAMAGED as error:
            which = f"frame {len(lasts)}: " if lasts else ""
            raise UnreadableFilm(f"{path}: {which}{reason(error)}") from None
        self.times = np.cumsum([0, *lasts[:-1]]).astype(np.float64)

    def frames(self, places: Sequence[int]) -> Host:
        found = []
        with open_image(self.path) as image:
            for i in places:
                image.seek(i)
                found.append(np.asarray(image.convert("RGB")))
        return np.stack(found)


class VideoFile(Film):
    """A video, by PyAV (FFmpeg): its first picture stream."""

    def __init__(self, path: Path):
        self.path = path
        packets = (p for p in self._packets() if p.pts is not None and p.size)
        times = [float(packet.pts * packet.time_base) for packet in packets]
        if not times:
            raise UnreadableFilm(f"{path}: there are no frames in it")
        self.times = np.sort(np.array(times) - min(times))
        first = next(self._decoded(), None)
        if first is None:
            raise UnreadableFilm(f"{path}: no frame can be decoded")
        self.shape = (first.height, first.width)

    def frames(self, places: Sequence[int]) -> Host:
        wanted, found = set(places), []
        count = 0
        for i, frame in enumerate(self._decoded()):
            check_size(self.path, (frame.height, frame.width), self.shape, "the first", i)
            count = i + 1
            if i in wanted:
                found.append(frame.to_ndarray(format="rgb24"))
            if i >= max(wanted):
                break
        if len(found) < len(wanted):
            raise UnreadableFilm(
                f"{self.path}: it is cut off, {count} of {len(self)} frames can be decoded"
            )
        return np.stack(found)

    def _packets(self) -> Iterator[Any]:
        for container, stream in self._opened():
            yield from container.demux(stream)

    def _decoded(self) -> Iterator[Any]:
        for container, stream in self._opened():
            yield from container.decode(stream)

    def _opened(self) -> Iterator[tuple[Any, Any]]:
        av = require("av", "jaxdl[video]", f"{self.path}: a video")
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise UnreadableFilm(f"{self.path}: there are no pictures in it")
                yield container, container.streams.video[0]
        except (OSError, ValueError, EOFError) as error:  # FFmpeg's errors are of these kinds
            if isinstance(error, UnreadableFilm):
                raise
            why = getattr(error, "strerror", None) or reason(error)
            raise UnreadableFilm(f"{self.path}: {why.lower()}") from None


def in_order(path: Path) -> list[tuple[int, str]]:
    """A key under which numbers in names count as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]


def check_size(
    file: Path, shape: tuple[int, int], want: tuple[int, int], first: str, frame: int | None = None
) -> None:
    """Raises UnreadableFilm where a frame has another size."""
    if shape != want:
        which = "" if frame is None else f"frame {frame}: "
        raise UnreadableFilm(
            f"{file}: {which}{shape[0]} x {shape[1]} pixels, {first} has {want[0]} x {want[1]}; "
            "bring the frames of a film to one size"
        )


def check_even(film: Film) -> None:
    """Raises UnreadableFilm where frames follow each other at a variable rate."""
    gaps = np.diff(film.times)
    if not len(gaps):
        return
    usual = float(np.median(gaps))
    if np.abs(gaps - usual).max() > UNEVEN * usual:
        raise UnreadableFilm(
            f"{film.path}: a variable frame rate, {1000 * gaps.min():.0f} to "
            f"{1000 * gaps.max():.0f} ms between frames; set data.rate, frames per second, to take "
            "them by time"
        )
