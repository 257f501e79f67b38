"""The streamed road: rows are read while the device computes, in the order of the resident road.

Grain reads whole batches ahead, in threads or in processes of its own. The loop is given two steps
a time and keeps two such feeds under way, so two batches wait on the device.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.gather import Source, put
from jaxdl.data.splits.split import Split
from jaxdl.typing import Batch, Host

STEPS = 2  # of one feed
THREADS = 4  # where there are no worker processes
AHEAD = 4  # batches that wait on the host
FOREVER = 2**31 - 1  # steps; the loop ends before


def read_rows(source: Source, numbers: Host, who: str) -> dict[str, Host]:
    """These rows of a source, stacked: name -> `(n, ...)`.

    Raises DataError with the number of a row that cannot be read or has another shape.
    """
    many = getattr(source, "rows", None)
    if many is not None:  # made or sliced at once
        return many(numbers)
    made: dict[str, Host] = {}
    for i, number in enumerate(np.asarray(numbers).tolist()):
        try:
            row = source[number]
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise DataError(f"{who}: row {number} cannot be read: {reason}") from error
        if not made:
            made = {k: np.empty((len(numbers), *np.shape(v)), _dtype(v)) for k, v in row.items()}
        put(made, i, number, row)
    return made


class EpochBatches:
    """Batch k of a run that begins at step `first`: what Grain's workers call."""

    def __init__(self, source: Source, order: Split, first: int):
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
        rows = self.order.arrays["row"][steps[place]]
        return read_rows(self.source, rows, self.order.name)


class ListedBatches:
    """Batches whose rows are given: `(steps, B)`."""

    def __init__(self, source: Source, rows: Host, who: str):
        self.source, self.rows, self.who = source, rows, who

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Host]:
        return read_rows(self.source, self.rows[index], self.who)


def read_ahead(batches: Any, workers: int) -> Iterator[Mapping[str, Host]]:
    """The elements of `batches` in order, prepared ahead by Grain; close it when it is done with.

    `workers` processes, or threads where it is 0. Raises DataError, within seconds, where a process
    has died.
    """
    import grain

    count = min(THREADS, len(batches)) if not workers else 1
    options = grain.ReadOptions(num_threads=count, prefetch_buffer_size=max(AHEAD, count))
    data = grain.MapDataset.source(batches).to_iter_dataset(options)
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

    def batch(self, rows: Host) -> dict[str, Host]:
        """See `Split.batch`; the source's order is not asked for."""
        return read_rows(self.source, self.arrays["row"][rows], self.name)

    def take(self, rows: Host, *, name: str) -> "StreamSplit":
        """See `Split.take`."""
        part: Any = super().take(rows, name=name)
        part._forget()
        return part

    def resident(self) -> Mapping[str, Host]:
        """Nothing: the feed has it all."""
        return {}

    def item(self) -> Any:
        """The example, for every row."""
        return {
            name: np.broadcast_to(value, (self.batch_size, *np.shape(value)))
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
        rows = self.arrays["row"][np.concatenate([numbers for numbers, _ in pieces])]
        batches = read_ahead(ListedBatches(self.source, rows, self.name), self.workers)
        try:
            for numbers, mask in pieces:
                yield _stack([next(batches) for _ in numbers]), mask
        finally:
            batches.close()  # pyright: ignore[reportAttributeAccessIssue]

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
        self._batches: Any = None
        self._next = -1
        self._last: tuple[tuple[int, int], Any] = ((-1, -1), None)

    def _order(self) -> Split:
        # Without source and batches: it is sent to the workers.
        return Split(
            {"row": self.arrays["row"]},
            name=self.name,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle=self.shuffle,
        )


def _stack(parts: list[Mapping[str, Host]]) -> dict[str, Host]:
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _dtype(value: Any) -> Any:
    return np.asarray(value).dtype


def _parse_flags() -> None:
    from absl import flags

    flags.FLAGS.mark_as_parsed()  # Grain reads some as it starts processes
