"""A source's rows as arrays, to be kept in memory or on the device."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.source import Source, empty_rows, put_row
from jaxdl.typing import Host


def gather_rows(source: Source, numbers: Host) -> dict[str, Host]:
    """All these rows in memory: name -> `(n, ...)`."""
    if source.block == 1:
        return stack_rows(source, numbers.tolist())
    if len(numbers) <= source.block:
        return source.rows(numbers)
    first = source.rows(numbers[: source.block])
    made = {k: np.empty((len(numbers), *v.shape[1:]), v.dtype) for k, v in first.items()}
    for start in range(0, len(numbers), source.block):
        for key, value in source.rows(numbers[start : start + source.block]).items():
            made[key][start : start + source.block] = value
    return made


def stack_rows(
    source: Source, rows: Sequence[int] | None = None, *, workers: int = 8
) -> dict[str, Host]:
    """All rows, or these, stacked: name -> `(n, ...)`. Images are decoded in several threads."""
    rows = range(len(source)) if rows is None else rows
    if not len(rows):
        raise DataError("stack_rows: there are no rows")
    with ThreadPoolExecutor(workers) as pool:
        taken = pool.map(source.__getitem__, rows)
        first = next(taken)
        made = empty_rows(first, len(rows))
        put_row(made, 0, rows[0], first)
        for i, row in enumerate(taken, start=1):
            put_row(made, i, rows[i], row)
    return made
