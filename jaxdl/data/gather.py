"""A set's rows as arrays, to be kept in memory or on the device."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host


class Source(Protocol):
    """Rows by number, each a mapping of arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, Any]: ...


def stack_rows(
    source: Source, rows: Sequence[int] | None = None, *, workers: int = 8
) -> dict[str, Host]:
    """All rows, or these, stacked: name -> `(n, ...)`. Images are decoded in several threads."""
    rows = range(len(source)) if rows is None else rows
    if not len(rows):
        raise DataError("collect: there are no rows")
    with ThreadPoolExecutor(workers) as pool:
        taken = pool.map(source.__getitem__, rows)
        first = next(taken)
        made = {
            k: np.empty((len(rows), *np.shape(v)), np.asarray(v).dtype) for k, v in first.items()
        }
        put(made, 0, rows[0], first)
        for i, row in enumerate(taken, start=1):
            put(made, i, rows[i], row)
    return made


def put(made: dict[str, Host], place: int, number: int, row: Mapping[str, Host]) -> None:
    """Writes one row; raises DataError naming it where its shape is another."""
    for name, value in row.items():
        if np.shape(value) != made[name].shape[1:]:
            raise DataError(
                f"row {number}: {name} has shape {np.shape(value)}, row 0 has "
                f"{made[name].shape[1:]}; give the set an image_size"
            )
        made[name][place] = value
