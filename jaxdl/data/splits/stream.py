"""Streamed rows: read while the device computes, in the same order as those on the device.

Grain reads whole batches ahead, in threads or in processes of its own. The loop is given two steps
a time and keeps two such feeds under way, so two batches wait on the device.
"""

import multiprocessing
import os
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Self

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.source import (
    ArraySource,
    FieldSubsetSource,
    MergedSource,
    Source,
    SubsetSource,
    check_finite_rows,
)
from jaxdl.data.splits.split import Split
from jaxdl.typing import Batch, Host

STEPS = 2  # of one feed
THREADS = 4  # where there are no worker processes
AHEAD = 4  # batches that wait on the host
BLOCK = 512  # rows whose one array is read at once
NOT_BEGUN: dict[str, Any] = {"_batches": None, "_next": -1, "_last": ((-1, -1), None)}
FOREVER = 2**31 - 1  # steps; the loop ends before


def read_rows(source: Source, numbers: Host, who: str) -> dict[str, Host]:
    """These rows of a source, stacked: name -> `(n, ...)`.

    Raises DataError with the number of a row that cannot be read, has another shape or is not
    finite.
    """
    try:
        rows = source.rows(numbers)
    except DataError as error:
        raise DataError(f"{who}: {error}") from error
    check_finite_rows(who, rows, numbers)
    return rows


class EpochBatches:
    """Batch k of a run that begins at step `first`: what Grain's workers call."""

    def __init__(self, source: Source, order: Split, first: int):
        """`order` has the number of each row in the source as `row`."""
        self.source, self.order, self.first = source, order, first
        self.epoch: tuple[int, Any] = (-1, None)

    def __len__(self) -> int:
        return FOREVER - self.first

    def __getitem__(self, index: int) -> dict[str, Host]:
        number, place = divmod(self.first + index, self.order.steps_per_epoch)
        epoch, steps = self.epoch
        if epoch != number:
            steps = self.order.indices(number)
            self.epoch = (number, steps)  # at once: other threads read it
        rows = self.order.read("row", steps[place][self.order.columns])
        return read_rows(self.source, rows, self.order.name)


class ListedBatches:
    """Batches whose rows are given: `(steps, B)`."""

    def __init__(self, source: Source, rows: Host, who: str):
        self.source, self.rows, self.who = source, rows, who

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Host]:
        return read_rows(self.source, self.rows[index], self.who)


class Tethered:
    """Batches that end a worker process, to which they are sent, when its parent dies.

    Nothing else would: it would wait for ever for somebody to take its batches.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, Host]:
        return self.batches[index]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        parent = multiprocessing.parent_process()
        if parent is not None:
            threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def read_ahead(batches: Any, workers: int) -> Generator[Mapping[str, Host], None, None]:
    """The elements of `batches` in order, prepared ahead by Grain; close it when it is done with.

    `workers` processes, or threads where it is 0. Raises DataError, within seconds, where a process
    has died.
    """
    import grain

    count = min(THREADS, len(batches)) if not workers else 1
    options = grain.ReadOptions(num_threads=count, prefetch_buffer_size=max(AHEAD, count))
    data = grain.MapDataset.source(Tethered(batches)).to_iter_dataset(options)
    if workers:
        _parse_flags()
        ahead = grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=2)
        data = data.mp_prefetch(ahead)
    iterator: Any = iter(data)
    try:
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                return
            except RuntimeError as error:
                if "terminated unexpectedly" not in str(error):
                    raise
                code = str(error).split("exit code")[-1].split(".")[0].strip()
                raise DataError(
                    f"a data worker process died (exit code {code}); memory may have run out: "
                    "lower data.workers or data.batch_size, or set data.workers to 0 for threads"
                ) from None
            yield batch
    finally:
        iterator.close()


class StreamSplit(Split):
    """Rows of a source, read step by step: for sets that the device cannot hold.

    `rows` are those of the source that belong to the split (default: all); `labels` `(size,)` are
    theirs, where known. A feed is the batches themselves.
    """

    most_steps = STEPS
    _batches: Any  # what reads ahead
    _next: int  # the step that it has next
    _last: tuple[tuple[int, int], Any]  # the steps of the last feed, and it

    def __init__(
        self,
        source: Source,
        classes: tuple[str, ...] = (),
        *,
        rows: Host | None = None,
        labels: Host | None = None,
        workers: int = 0,
        name: str = "train",
        **options: Any,
    ) -> None:
        rows = np.arange(len(source)) if rows is None else np.asarray(rows)
        arrays = {"row": rows} | ({} if labels is None else {"label": labels})
        super().__init__(arrays, classes, name=name, **options)
        self.source, self.workers = source, workers
        self._forget()

    @property
    def names(self) -> tuple[str, ...]:
        """See `Split.names`; one row is read."""
        return tuple(self.example)

    @property
    def notes(self) -> list[str]:
        """See `Split.notes`; so far, and without what worker processes have met."""
        return self.source.remarks()

    def batch(self, rows: Host) -> dict[str, Host]:
        """See `Split.batch`; the source's order is not asked for."""
        return read_rows(self.source, self._arrays["row"][rows], self.name)

    def read(self, name: str, rows: Host | None = None) -> Host:
        """See `Split.read`; a block of rows at a time, so that no other array piles up."""
        rows = np.arange(self.size) if rows is None else np.asarray(rows)
        if name in self._arrays:  # labels
            return np.asarray(self._arrays[name][rows])
        parts = []
        for start in range(0, len(rows), BLOCK):
            batch = self.batch(rows[start : start + BLOCK])
            if name not in batch:
                self.check_has(name)
            parts.append(batch[name])
        return np.concatenate(parts)

    def with_arrays(self, arrays: Mapping[str, Host], *, without: Sequence[str] = ()) -> Self:
        """See `Split.with_arrays`; its own arrays are still read as a stream."""
        kept = [name for name in self.names if name not in (*without, *arrays)]
        source: Source = ArraySource(arrays) if arrays else self.source
        if kept:
            own = FieldSubsetSource(SubsetSource(self.source, self._arrays["row"]), kept)
            source = MergedSource(own, arrays)
        labels = arrays.get("label", self.labels if "label" in kept else None)
        known = {"row": np.arange(self.size)} | ({} if labels is None else {"label": labels})
        return self._copied(known, source=source)

    def _copied(self, arrays: Mapping[str, Host], **attributes: Any) -> Self:
        return super()._copied(arrays, **attributes, **NOT_BEGUN)

    def resident(self) -> Mapping[str, Host]:
        """Nothing: the feed has it all."""
        return {}

    def item(self) -> Any:
        """The example, for every row."""
        rows = len(range(self.batch_size)[self.columns])
        return {
            name: np.broadcast_to(value, (rows, *np.shape(value)))
            for name, value in self.example.items()
        }

    def feed(self, start: int, stop: int) -> Any:
        """The batches of these steps: name -> `(steps, B, ...)`.

        What follows the feed before is ready; any other start begins anew.
        """
        if self._last[0] == (start, stop):
            return self._last[1]
        if self._batches is None or self._next != start:
            self.close()
            self._batches = read_ahead(
                EpochBatches(self.source, self._order(), start), self.workers
            )
        parts = [next(self._batches) for _ in range(start, stop)]
        self._next = stop
        made = _stack(parts)
        self._last = ((start, stop), made)
        return made

    def once(self, batch_size: int, most: int) -> Iterator[tuple[Any, Host]]:
        """See `Split.once`; pieces are no longer than a feed."""
        pieces = list(super().once(batch_size, min(most, STEPS)))
        rows = self._arrays["row"][np.concatenate([numbers for numbers, _ in pieces])]
        listed = ListedBatches(self.source, rows, self.name)
        with closing(read_ahead(listed, self.workers)) as batches:
            for numbers, mask in pieces:
                yield _stack([next(batches) for _ in numbers]), mask

    @staticmethod
    def gather(resident: Any, item: Any) -> Batch:
        """The batch as it came."""
        return dict(item)

    def close(self) -> None:
        """Ends threads and processes; a later feed starts them again."""
        if self._batches is not None:
            self._batches.close()
        self._forget()

    def _forget(self) -> None:
        vars(self).update(NOT_BEGUN)

    def _order(self) -> Split:
        # Without source and batches: it is sent to the workers.
        order = Split(
            {"row": self._arrays["row"]},
            name=self.name,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle=self.shuffle,
        )
        order.contiguous, order.columns = self.contiguous, self.columns
        return order


def _stack(parts: list[Mapping[str, Host]]) -> dict[str, Host]:
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _parse_flags() -> None:
    from absl import flags

    flags.FLAGS.mark_as_parsed()  # Grain reads some as it starts processes
