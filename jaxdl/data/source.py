"""Where rows come from: the one base of all sources, and a data set as its splits."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import BoxCheck
from jaxdl.data.images.decode import BadFileBudget
from jaxdl.data.notes import Notes, count_left_out
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.table_form import TableForm
from jaxdl.typing import Host


class Source(ABC):
    """Rows by number, each a mapping of arrays of the same names, shapes and dtypes.

    `labels` `(N,)`: of every row, where they are known without reading it; `check`: unusable boxes
    as they are met; `skipped`: files that cannot be read, as they are met; `notes`: what else is to
    be said of them; `block`: how many rows `rows` brings at once, 1 where it reads one after the
    other.
    """

    labels: Host | None = None
    check: BoxCheck | None = None
    skipped: BadFileBudget | None = None
    notes: Notes | None = None
    block: int = 1

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked: name -> `(n, ...)`.

        Raises DataError with the number of one that cannot be read or has another shape.
        """
        made: dict[str, Host] = {}
        for place, number in enumerate(np.asarray(numbers).tolist()):
            try:
                row = self[number]
            except Exception as error:
                reason = str(error) or type(error).__name__
                raise DataError(f"row {number} cannot be read: {reason}") from error
            made = made or empty_rows(row, len(numbers))
            put_row(made, place, number, row)
        return made

    def remarks(self) -> list[str]:
        """What the rows were taken from, and how many files and boxes were left out so far, why."""
        skipped = count_left_out(self.skipped.by_reason(), "file") if self.skipped else []
        boxes = self.check.remarks() if self.check else []
        return [*(self.notes.lines() if self.notes else []), *skipped, *boxes]

    def faults(self, index: int) -> list[str]:
        """What is wrong with a row, beyond what stops it from being read."""
        return []


def empty_rows(row: Mapping[str, Any], count: int) -> dict[str, Host]:
    """Room for `count` rows like this one."""
    return {k: np.empty((count, *np.shape(v)), np.asarray(v).dtype) for k, v in row.items()}


def put_row(made: dict[str, Host], place: int, number: int, row: Mapping[str, Host]) -> None:
    """Writes one row; raises DataError naming it where its shape is another."""
    for name, value in row.items():
        if np.shape(value) != made[name].shape[1:]:
            raise DataError(
                f"row {number}: {name} has shape {np.shape(value)}, row 0 has "
                f"{made[name].shape[1:]}; give the set an image_size"
            )
        made[name][place] = value


def check_finite_rows(who: str, arrays: Mapping[str, Host], numbers: Host) -> None:
    """Raises DataError, naming the row of `numbers`, where an array holds a NaN or an infinity.

    A compiled network may hide them: its maxima can turn NaN into a number.
    """
    for name, value in arrays.items():
        if value.dtype.kind != "f" or np.isfinite(value).all():
            continue
        place = int(np.argwhere(~np.isfinite(value))[0][0])
        raise DataError(f"{who}: row {numbers[place]}: {name} has a number that is not finite")


@dataclass(frozen=True)
class Dataset:
    """`splits` name -> rows; names of the labels; words of token ids; what made the rows; how those
    of a table are read; what the keypoints of objects are."""

    splits: Mapping[str, Source]
    classes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    synthetic: str = ""
    table: TableForm | None = None
    skeleton: Skeleton | None = None


class ArraySource(Source):
    """Arrays of equal length as rows: name -> `(N, ...)`."""

    block = sys.maxsize

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


class SourceView(Source):
    """A source seen in another way; the ways derive from it."""

    def __init__(self, source: Source):
        self.source = source
        self.labels, self.block = source.labels, source.block
        self.check, self.skipped, self.notes = source.check, source.skipped, source.notes

    def __len__(self) -> int:
        return len(self.source)

    def faults(self, index: int) -> list[str]:
        """Those of the source's row."""
        return self.source.faults(index)


class SubsetSource(SourceView):
    """Some rows of a source, as a source."""

    def __init__(self, source: Source, numbers: Host):
        super().__init__(source)
        self.numbers = np.asarray(numbers)
        self.labels = None if source.labels is None else source.labels[self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return self.source[int(self.numbers[index])]

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        return self.source.rows(self.numbers[numbers])

    def faults(self, index: int) -> list[str]:
        """Those of the row in the whole source."""
        return super().faults(int(self.numbers[index]))


class ClassSubsetSource(SubsetSource):
    """The rows whose label is one of `classes`, each with its place among them as its label."""

    def __init__(self, source: Source, classes: Sequence[int]):
        if source.labels is None:
            raise DataError("ClassSubsetSource: the labels of the source's rows are not known")
        given = np.asarray(source.labels)
        place = np.full(max(given.max(initial=0), *classes) + 1, -1, np.int32)
        place[list(classes)] = np.arange(len(classes))
        super().__init__(source, np.flatnonzero(place[given] >= 0))
        self.chosen = place[given[self.numbers]]
        self.labels = self.chosen

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return {**super().__getitem__(index), "label": self.chosen[index]}

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        return {**super().rows(numbers), "label": self.chosen[numbers]}


class FieldSubsetSource(SourceView):
    """A source without what an experiment does not need."""

    def __init__(self, source: Source, fields: Sequence[str]):
        super().__init__(source)
        self.fields = tuple(fields)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return self._chosen(self.source[index])

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        return self._chosen(self.source.rows(numbers))

    def _chosen(self, row: Mapping[str, Host]) -> dict[str, Host]:
        missing = [name for name in self.fields if name not in row]
        if missing:
            raise DataError(f"the data has {', '.join(row)}, but {', '.join(missing)} is needed")
        return {name: row[name] for name in self.fields}


class MergedSource(SourceView):
    """Arrays `(N, ...)` beside the rows of a source, or in place of its own of the same name."""

    def __init__(self, source: Source, arrays: Mapping[str, Host]):
        super().__init__(source)
        self.arrays = dict(arrays)
        self.labels = self.arrays.get("label", source.labels)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        return {**self.source[index], **{k: v[index] for k, v in self.arrays.items()}}

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        own = {name: np.asarray(value[numbers]) for name, value in self.arrays.items()}
        return {**self.source.rows(numbers), **own}
