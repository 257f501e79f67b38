"""What a set that is made, not read, must offer: rows by index, and to say that it is synthetic."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.source import Source
from jaxdl.typing import Host

BLOCK = 512  # rows that are made at once


class Generated(Source):
    """A set with known answers: row i depends on (seed, i) alone, so any placement can have it.

    Every row has the same keys, shapes and dtypes, so rows stack.
    """

    synthetic: ClassVar[bool] = True
    block = BLOCK
    classes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    skeleton: Skeleton | None = None

    def __init__(self, size: int, seed: int):
        check_positive(f"{type(self).__name__}: size", size)
        self.size = size
        self.seed = seed

    @property
    @abstractmethod
    def description(self) -> str:
        """One line for reports; it begins with "synthetic"."""

    @abstractmethod
    def make(self, rows: Host) -> dict[str, Host]:
        """The rows of the given indices `(n,)`, stacked: name -> `(n, ...)`."""

    def rows(self, numbers: Host) -> dict[str, Host]:
        """The rows of these numbers `(n,)` in this order, stacked: name -> `(n, ...)`."""
        numbers = np.asarray(numbers, np.int64)
        bad = numbers[(numbers < 0) | (numbers >= self.size)]
        if bad.size:
            raise IndexError(f"{type(self).__name__}: row {bad[0]} is not in 0..{self.size - 1}")
        return self.make(numbers)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return {name: values[0] for name, values in self.rows(np.array([index])).items()}
