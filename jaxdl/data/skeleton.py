"""The keypoints of objects by name: what is drawn between them, and what a mirror makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Skeleton:
    """Keypoints of these `names`, in the order of the rows; `bones`: pairs that a line joins."""

    names: tuple[str, ...]
    bones: tuple[tuple[int, int], ...] = ()

    @classmethod
    def restored(cls, *, names: Sequence[str], bones: Sequence[Sequence[int]]) -> Self:
        """From what JSON made of `dataclasses.asdict`."""
        return cls(tuple(map(str, names)), tuple((int(a), int(b)) for a, b in bones))

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Which point of a picture is point i of its mirror image, by the words left and right.

        `left_eye` and `right_eye` change places; a point without such a partner keeps its own.
        """
        lower = [name.lower() for name in self.names]
        place = {name: i for i, name in enumerate(lower)}
        return tuple(place.get(other_side(name), i) for i, name in enumerate(lower))


def other_side(name: str) -> str:
    """The name with left and right exchanged."""
    return name.replace("left", "\0").replace("right", "left").replace("\0", "right")


_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
PERSON = Skeleton(  # COCO's
    ("nose", *(f"{side}_{part}" for part in _PAIRS for side in ("left", "right"))),
    (
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7)),
        *((6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    ),
)
