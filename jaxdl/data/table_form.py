"""How rows of a table become a model's input: which columns, on which scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from jaxdl.typing import Host


@dataclass(frozen=True)
class TableForm:
    """The features are the columns `places` of `width`, called `names` in the file's head line.

    `mean`, `std`: what each is brought to mean 0 and deviation 1 by, one number for all, or one
    per feature.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    width: int
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @classmethod
    def plain(cls, count: int) -> Self:
        """`count` features without names, and a label behind them."""
        names = tuple(f"column {i + 1}" for i in range(count))
        return cls(names, tuple(range(count)), count + 1)

    @classmethod
    def restored(cls, *, width: int, **values: Sequence) -> Self:
        """From what JSON made of `dataclasses.asdict`."""
        names, places, mean, std = (tuple(values[k]) for k in ("names", "places", "mean", "std"))
        return cls(names, places, width, mean, std)

    @property
    def is_named(self) -> bool:
        """Whether the names are those of a head line."""
        return any(n != f"column {i + 1}" for n, i in zip(self.names, self.places, strict=True))

    def scaled(self, x: Host) -> Host:
        """Features `(..., D)` float64 as the model's input, float32.

        Rounding comes last: the steps of a large number, such as a time in seconds, do not survive
        float32.
        """
        x = np.asarray(x, np.float64)
        return ((x - np.array(self.mean)) / np.array(self.std)).astype(np.float32)
