"""Which rows of a set each split of a training has: slices, validation, what is held out."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig
from jaxdl.data.source import Dataset, Source
from jaxdl.data.splits.split import stratified_split
from jaxdl.typing import Host

VALIDATION = ("validation", "val")
HELD_OUT = 0.2  # of a set that has no test split
VALIDATED = 0.1  # of the rest, where the set has no validation split and one is asked for
# What rows that were cut out of the training rows are called, before the name of these.
CUT = ("held out of ", "set apart of ")


class Assigned(NamedTuple):
    """Rows `numbers` of the set's split `split`, called `name`."""

    split: str
    numbers: Host
    name: str


def assign_splits(opened: Dataset, cfg: DataConfig) -> dict[str, Assigned]:
    """The rows of `train`, `test` and, where there is one, `val`."""
    sizes = {name: len(source) for name, source in opened.splits.items()}
    train, rows = select(sizes, cfg.train, cfg.name)
    numbers = np.arange(rows.start, rows.stop)
    given = next((name for name in VALIDATION if name in sizes), None)
    test = given if cfg.test == "test" and given and "test" not in sizes else cfg.test
    assigned: dict[str, Assigned] = {}
    if test == "test" and "test" not in sizes:
        labels = labels_of(opened.splits[train], numbers)
        rest, held = stratified_split(labels, max(1, round(HELD_OUT * len(numbers))), 0)
        assigned["test"] = Assigned(train, numbers[held], CUT[0] + cfg.train)
        numbers = numbers[rest]
    else:
        name, rows = select(sizes, test, cfg.name)
        assigned["test"] = Assigned(name, np.arange(rows.start, rows.stop), test)
    has_val = given is not None and given != assigned["test"].split
    count = cfg.val
    if count == -1:
        count = 0 if has_val else max(1, round(VALIDATED * len(numbers)))
    if count:
        rest, part = stratified_split(labels_of(opened.splits[train], numbers), count, cfg.seed)
        assigned["val"] = Assigned(train, numbers[part], CUT[1] + cfg.train)
        numbers = numbers[rest]
    elif given is not None and has_val:
        assigned["val"] = Assigned(given, np.arange(sizes[given]), given)
    return {"train": Assigned(train, numbers, cfg.train if not count else "train"), **assigned}


def select(sizes: Mapping[str, int], spec: str, name: str) -> tuple[str, range]:
    """The split and rows that `spec` names: `train`, `train[:1500]`, `train[10%:90%]`.

    Percentages round to the nearest row, as tensorflow-datasets does. Raises UsageError for an
    unknown split, DataError where no row is left.
    """
    match = re.fullmatch(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?", spec)
    if not match or match[1] not in sizes:
        known = ", ".join(sizes)
        raise UsageError(f"data {name!r}: split {spec!r} must be one of {known}, or a slice of one")
    size = sizes[match[1]]
    start, stop = (_bound(text, size) for text in match.group(2, 3))
    rows = range(size)[start:stop]
    if not rows:
        raise DataError(f"data {name!r}: {spec!r} selects none of {size} rows")
    return match[1], rows


def labels_of(source: Source, numbers: Host) -> Host:
    """The labels of these rows, equal ones where they are not known."""
    if source.labels is None:
        return np.zeros(len(numbers), np.int32)
    return np.asarray(source.labels)[numbers]


def _bound(text: str | None, size: int) -> int | None:
    if text is None or not text.endswith("%"):
        return None if text is None else int(text)
    return round(int(text[:-1]) * size / 100)
