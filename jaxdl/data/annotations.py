"""What of a set's annotations a row holds, as options that several sources share."""

from dataclasses import dataclass
from typing import ClassVar

from jaxdl.checks import UsageError, check_one_of


@dataclass(frozen=True, kw_only=True)  # or it would come before the name of the set
class PixelClasses:
    """Of a source that can give a class for each pixel."""

    kinds: ClassVar[tuple[str, ...]] = ("", "segments")
    annotations: str = ""
    """segments, one class for each pixel (default: what else the set has)."""

    def wants_segments(self) -> bool:
        """Whether a class for each pixel is asked for. Raises UsageError for another word."""
        check_one_of("data.annotations", self.annotations, self.kinds)
        return self.annotations == "segments"


@dataclass(frozen=True, kw_only=True)
class ObjectParts(PixelClasses):
    """Of a source that has all of them."""

    kinds: ClassVar[tuple[str, ...]] = ("", "boxes", "masks", "keypoints", "segments")
    annotations: str = ""
    """boxes, masks, keypoints (both with boxes), or segments, one class for each pixel (default:
    all but the last)."""

    def row_fields(self) -> tuple[str, ...]:
        """What a row has; empty where nothing was asked for."""
        if self.wants_segments():
            return ("image", "segments")
        boxes = ("image", "boxes", "labels", "kept")
        return (*boxes, *object_fields(self.annotations)) if self.annotations else ()


@dataclass(frozen=True, kw_only=True)
class CaptionWords:
    """How the captions of a source become rows of words."""

    max_length: int = 17
    """Of captions: tokens in a row."""
    min_count: int = 1
    """Of captions: a word that occurs less often in those of training is <UNK>."""


def object_fields(annotations: str) -> tuple[str, ...]:
    """What rows have of objects, beside their boxes, where a source was asked for `annotations`."""
    return {"masks": ("masks",), "keypoints": ("points", "visible")}.get(annotations, ())


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """How pictures of numbers are read as masks."""

    ignore: int = 255
    """The number of pixels that do not count (-1: all of them do)."""
    class_names: tuple[str, ...] = ()
    """Names of the classes (default: the lines of classes.txt, else the numbers that occur)."""
    values: tuple[int, ...] = ()
    """The number that each class has in the masks (default: 0, 1, 2, ...)."""

    def check_masks(self) -> None:
        """Raises UsageError for numbers that no pixel can have, or that mean two things."""
        if not -1 <= self.ignore <= 255 or any(not 0 <= v <= 255 for v in self.values):
            raise UsageError(
                "data.ignore must lie in -1..255 and data.values in 0..255, got "
                f"{self.ignore} and {self.values}"
            )
        if len({*self.values, self.ignore}) < len(self.values) + 1:
            raise UsageError(
                f"data.values must name each number once, and not data.ignore = {self.ignore}, "
                f"got {self.values}"
            )
        if self.values and self.class_names and len(self.values) != len(self.class_names):
            raise UsageError(
                f"data.values has {len(self.values)} numbers for {len(self.class_names)} "
                "data.class_names; give one each"
            )
