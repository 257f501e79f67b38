"""A split of a data set: which rows stand in which step, wherever they are kept.

The order comes from a counter-based generator, so step k has the same rows at every placement (on
the device, streamed), on any number of devices, after any interruption: the position is the step.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.table_form import TableForm
from jaxdl.typing import Batch, Host


def permutation(size: int, seed: int, epoch: int) -> Host:
    """A random order of `size` rows: argsort of Philox's raw words, which never change."""
    words = np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw(size)
    return np.argsort(words, kind="stable").astype(np.int32)


class Split:
    """Rows of one split, held as arrays: uint8 images and the like, small enough for the device.

    `arrays` name -> `(size, ...)`. Other placements derive from it and override `batch`, `read`,
    `take`, `with_arrays`, `resident`, `feed`, `once` and `gather`. `example` is row 0, `classes`
    the names of the labels, `vocabulary` the words of token ids; `synthetic` says what made the
    rows, "" if they are real; `table` how those of a table are read; `skeleton` what the keypoints
    of objects are; `notes` what they were taken from and what was left out. `contiguous`: row b of
    a step goes on where row b of the step before ended, the same in every epoch (see
    `contiguous.py`).
    """

    most_steps: int | None = None  # that one feed may hold, where rows are large
    contiguous: bool = False
    columns: slice = slice(None)  # of the rows of a step that a feed has

    def __init__(
        self,
        arrays: Mapping[str, Host],
        classes: tuple[str, ...] = (),
        *,
        name: str = "train",
        batch_size: int = 64,
        seed: int = 0,
        shuffle: bool = True,
        vocabulary: tuple[str, ...] = (),
        synthetic: str = "",
        table: TableForm | None = None,
        skeleton: Skeleton | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._arrays = dict(arrays)
        sizes = {key: len(value) for key, value in self._arrays.items()}
        if len(set(sizes.values())) != 1:
            raise DataError(f"split {name!r}: arrays must have equally many rows, got {sizes}")
        self.size = next(iter(sizes.values()))
        if self.size == 0:
            raise DataError(
                f"split {name!r} has no rows; check the data set, its slice and filters"
            )
        if batch_size < 1:
            raise UsageError(f"data.batch_size must be at least 1, got {batch_size}")
        self.classes, self.name, self.batch_size = tuple(classes), name, batch_size
        self.seed, self.shuffle = seed, shuffle
        self.vocabulary, self.synthetic = tuple(vocabulary), synthetic
        self.table, self.skeleton = table, skeleton
        self._notes = list(notes)

    @property
    def example(self) -> dict[str, Any]:
        """One row."""
        return {key: value[0] for key, value in self.batch(np.zeros(1, np.int64)).items()}

    @property
    def notes(self) -> list[str]:
        """What its rows were taken from, how many were left out and why, a line each."""
        return self._notes

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arrays of a row."""
        return tuple(self._arrays)

    @property
    def labels(self) -> Host | None:
        """The label of every row `(size,)`, where it is known without reading the rows."""
        return self._arrays.get("label")

    def batch(self, rows: Host) -> dict[str, Host]:
        """These rows `(n,)`: name -> `(n, ...)`, on the host."""
        return {key: np.asarray(value[rows]) for key, value in self._arrays.items()}

    def read(self, name: str, rows: Host | None = None) -> Host:
        """One array of these rows `(n,)`, by default of all: `(n, ...)`, on the host."""
        self.check_has(name)
        return self._arrays[name] if rows is None else np.asarray(self._arrays[name][rows])

    def check_has(self, *names: str) -> None:
        """Raises DataError, naming what there is, unless a row has all these arrays."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise DataError(
                f"split {self.name!r}: rows have {', '.join(self.names) or 'nothing'}, but "
                f"{', '.join(missing)} is needed; choose another data.name"
            )

    def take(self, rows: Host, *, name: str) -> Self:
        """The given rows as a split of their own."""
        arrays = {key: value[rows] for key, value in self._arrays.items()}
        return self._copied(arrays, size=len(rows), name=name)

    def with_arrays(self, arrays: Mapping[str, Host], *, without: Sequence[str] = ()) -> Self:
        """With `arrays` `(size, ...)` beside or in place of its own, and `without` these."""
        kept = {key: value for key, value in self._arrays.items() if key not in without}
        return self._copied({**kept, **arrays})

    def of_columns(self, columns: slice) -> Self:
        """With feeds of these of a step's rows alone: one of several processes reads no others."""
        return self._copied(self._arrays, columns=columns)

    def _copied(self, arrays: Mapping[str, Host], **attributes: Any) -> Self:
        part = copy.copy(self)
        vars(part).update(attributes, _arrays=dict(arrays))
        return part

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one epoch; the rows of a last partial one wait for another epoch's order.

        Raises DataError where there is not one full batch.
        """
        if self.size < self.batch_size:
            raise DataError(
                f"split {self.name!r} has {self.size} rows, fewer than one batch of "
                f"{self.batch_size}; set data.batch_size to at most {self.size}"
            )
        return self.size // self.batch_size

    def indices(self, epoch: int) -> Host:
        """Row numbers of each step of an epoch: `(steps, B)` int32."""
        steps = self.steps_per_epoch
        if self.contiguous:
            return np.arange(self.batch_size * steps, dtype=np.int32).reshape(-1, steps).T
        order = permutation(self.size, self.seed, epoch) if self.shuffle else np.arange(self.size)
        return order[: steps * self.batch_size].reshape(steps, self.batch_size).astype(np.int32)

    def rows(self, start: int, stop: int) -> Host:
        """Row numbers of steps `start` to `stop`, counted over all epochs: `(steps, B)`."""
        steps = self.steps_per_epoch
        epochs = range(start // steps, -(-stop // steps))
        whole = np.concatenate([self.indices(epoch) for epoch in epochs])
        first = start - epochs.start * steps
        return whole[first : first + stop - start]

    # On the device: everything is put there once, a step is a row of numbers.

    def resident(self) -> Mapping[str, Host]:
        """What the device keeps."""
        return self._arrays

    def feed(self, start: int, stop: int) -> Any:
        """What the steps `start` to `stop` need beside it; leading axis the step, then the row."""
        return self.rows(start, stop)[:, self.columns]

    def item(self) -> Any:
        """What `feed` has for one step; its shapes, not its values, are what counts."""
        return self.feed(0, 1)[0]

    def close(self) -> None:
        """Ends what reads ahead."""

    def once(self, batch_size: int, most: int) -> Iterator[tuple[Any, Host]]:
        """Every row exactly once, in order, `most` batches a piece: (feed, mask `(steps, B)`).

        The last batch is padded with row 0, where `mask` is False. Every piece has the same shape.
        """
        batch_size = min(batch_size, self.size)
        steps = -(-self.size // batch_size)
        most = min(most, steps)
        padded = -(-steps // most) * most * batch_size
        numbers = np.arange(padded, dtype=np.int32)
        mask = numbers < self.size
        numbers = np.where(mask, numbers, 0).astype(np.int32)
        shape = (-1, most, batch_size)
        yield from zip(numbers.reshape(shape), mask.reshape(shape), strict=True)

    @staticmethod
    def gather(resident: Any, item: Any) -> Batch:
        """The batch of one step from `resident` and its part of the feed (runs on the device)."""
        return {key: value[item] for key, value in resident.items()}


class NoData(Split):
    """Steps without data (reinforcement learning): every batch is empty.

    `length` steps make an epoch; `batch_size` is the global batch of what lives in
    `TrainState.local`.
    """

    def __init__(self, length: int, batch_size: int = 1) -> None:
        rows = np.zeros((length * batch_size,), np.int32)
        super().__init__({"row": rows}, batch_size=batch_size, shuffle=False)

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def batch(self, rows: Host) -> dict[str, Host]:
        """Nothing."""
        return {}

    def resident(self) -> Mapping[str, Host]:
        """Nothing."""
        return {}

    @staticmethod
    def gather(resident: Any, item: Any) -> Batch:
        """An empty batch."""
        return {}


def stratified_split(labels: Host, count: int, seed: int) -> tuple[Host, Host]:
    """(rest, part): row numbers; the `count` of `part` have labels as the whole has them.

    Deterministic: rows are ordered at random within each label, then spread evenly over the labels.
    """
    if not 0 < count < len(labels):
        raise UsageError(f"data.val must lie between 1 and {len(labels) - 1} rows, got {count}")
    order = permutation(len(labels), seed, 2**32)  # no epoch reaches this number
    place = np.empty(len(labels), float)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    ranked = np.argsort(place, kind="stable")
    return np.sort(ranked[count:]), np.sort(ranked[:count])
