"""An opened data set: its splits as rows by number, with what goes with all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.gather import Source
from jaxdl.typing import Host


@dataclass(frozen=True)
class Dataset:
    """`splits` name -> rows; names of the labels; words of token ids; what made the rows."""

    splits: Mapping[str, Source]
    classes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    synthetic: str = ""


class ArraySource:
    """Arrays of equal length as rows: name -> `(N, ...)`."""

    def __init__(self, arrays: Mapping[str, Host], who: str = "arrays"):
        self.arrays = dict(arrays)
        if not self.arrays:
            raise DataError(f"{who}: there are no arrays")
        self.labels = self.arrays.get("label")

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, index: int) -> dict[str, Host]:
        return {name: value[index] for name, value in self.arrays.items()}

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked; consecutive ones are not copied."""
        numbers = np.asarray(numbers)
        if len(numbers) and (np.diff(numbers) == 1).all():
            span = slice(int(numbers[0]), int(numbers[-1]) + 1)
            return {name: value[span] for name, value in self.arrays.items()}
        return {name: np.asarray(value[numbers]) for name, value in self.arrays.items()}


class SubsetSource:
    """Some rows of a source, as a source."""

    def __init__(self, source: Source, numbers: Host):
        self.source, self.numbers = source, np.asarray(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return self.source[int(self.numbers[index])]

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        return self.source.rows(self.numbers[numbers])  # pyright: ignore


class ClassSubsetSource:
    """The rows whose label is one of `labels`, each with its place among them as its label."""

    def __init__(self, source: Source, labels: Sequence[int]):
        given = np.asarray(source.labels)  # pyright: ignore[reportAttributeAccessIssue]
        place = np.full(max(given.max(initial=0), *labels) + 1, -1, np.int32)
        place[list(labels)] = np.arange(len(labels))
        self.numbers = np.flatnonzero(place[given] >= 0)
        self.source, self.labels = source, place[given[self.numbers]]
        if hasattr(source, "rows"):
            self.rows = self._rows

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return {**self.source[int(self.numbers[index])], "label": self.labels[index]}

    def _rows(self, numbers: Host) -> dict[str, Host]:
        rows = self.source.rows(self.numbers[numbers])  # pyright: ignore
        return {**rows, "label": self.labels[numbers]}


class FieldSubsetSource:
    """A source without what an experiment does not need."""

    def __init__(self, source: Source, fields: Sequence[str]):
        self.source, self.fields = source, tuple(fields)
        self.labels = getattr(source, "labels", None)
        self.check = getattr(source, "check", None)
        if hasattr(source, "rows"):
            self.rows = self._rows

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return self._chosen(self.source[index])

    def _rows(self, numbers: Host) -> dict[str, Host]:
        return self._chosen(self.source.rows(numbers))  # pyright: ignore

    def _chosen(self, row: Mapping[str, Host]) -> dict[str, Host]:
        missing = [name for name in self.fields if name not in row]
        if missing:
            raise DataError(f"the data has {', '.join(row)}, but {', '.join(missing)} is needed")
        return {name: row[name] for name in self.fields}
