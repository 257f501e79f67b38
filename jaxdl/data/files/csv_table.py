"""A CSV table of one's own: numbers, the label in the last column, with or without a head line."""

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError, check_one_of
from jaxdl.typing import Host

Line = tuple[int, list[str]]  # number in the file, cells
LABELS = ("class", "number")


class Table(NamedTuple):
    """`input` `(N, D)` float32 and `label` `(N,)`, the classes and the names of the columns."""

    arrays: dict[str, Host]
    classes: tuple[str, ...]
    columns: tuple[str, ...]


def read_csv(
    path: Path | str, *, label: str = "class", delimiter: str = ",", classes: Sequence[str] = ()
) -> Table:
    """The rows of a `.csv` or `.csv.gz` file; all columns but the last are numbers.

    Args: `label` "class": the last column's different values are the classes, in order (of
    numbers, if they are), and labels int32; "number": it is what to predict, float32. `classes`:
    those of another table, so that both number them alike.
    """
    check_one_of("read_csv: label", label, LABELS)
    path = Path(path)
    lines = read_lines(path, delimiter)
    columns = tuple(f"column {i}" for i in range(1, len(lines[0][1]) + 1))
    if not all(is_number(cell) for cell in lines[0][1][:-1]):
        columns = tuple(cell.strip() for cell in lines[0][1])
        lines = lines[1:]
    if not lines:
        raise DataError(f"read_csv: {path} has a head line and no rows")
    inputs = np.array([numbers(path, line, columns) for line in lines], np.float32)
    last = [cells[-1].strip() for _, cells in lines]
    if label == "number":
        values = [number(path, line, columns[-1], line[1][-1]) for line in lines]
        return Table({"input": inputs, "label": np.array(values, np.float32)}, (), columns)
    ids, names = label_classes(path, lines, last, tuple(classes))
    return Table({"input": inputs, "label": ids}, names, columns)


def read_lines(path: Path, delimiter: str) -> list[Line]:
    """All lines that are not blank, each with as many cells as the first, at least two."""
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode(
            "utf-8-sig"
        )
    except (OSError, EOFError) as error:
        raise DataError(f"read_csv: {path} cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"read_csv: {path} is not UTF-8 text, at byte {error.start}") from None
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    lines = [(reader.line_num, cells) for cells in reader if any(c.strip() for c in cells)]
    if not lines:
        raise DataError(f"read_csv: {path} is empty")
    width = len(lines[0][1])
    if width < 2:
        raise DataError(
            f"read_csv: {path} has one column; numbers and a label are needed, with {delimiter!r} "
            "between them (another sign: delimiter)"
        )
    for place, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"read_csv: {path}, line {place}: {len(cells)} cells, line 1 has {width}"
            )
    return lines


def is_number(cell: str) -> bool:
    """Whether Python reads the cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def numbers(path: Path, line: Line, columns: Sequence[str]) -> list[float]:
    """The cells of a line but the last, as finite numbers."""
    pairs = zip(columns[:-1], line[1][:-1], strict=True)
    return [number(path, line, column, cell) for column, cell in pairs]


def number(path: Path, line: Line, column: str, cell: str) -> float:
    """One cell as a finite number. Raises DataError, naming line and column."""
    if is_number(cell) and math.isfinite(float(cell)):
        return float(cell)
    raise DataError(
        f"read_csv: {path}, line {line[0]}, {column}: {cell!r} is not a finite number; "
        "fill it in or remove the line"
    )


def label_classes(
    path: Path, lines: Sequence[Line], values: list[str], classes: tuple[str, ...]
) -> tuple[Host, tuple[str, ...]]:
    """Labels `(N,)` int32 and class names: whole numbers are written as such and sorted as such."""
    if all(is_number(value) and math.isfinite(float(value)) for value in values):
        values = [f"{float(value):g}" for value in values]
        found = sorted(set(values), key=float)
    else:
        found = sorted(set(values))
    place = {name: i for i, name in enumerate(classes or found)}
    for line, value in zip(lines, values, strict=True):
        if value not in place:
            raise DataError(
                f"read_csv: {path}, line {line[0]}: {value!r} is no class of training's "
                f"{', '.join(classes[:9])}"
            )
        if not value:
            raise DataError(f"read_csv: {path}, line {line[0]}: the label is empty")
    if len(found) > max(100, len(values) // 2):
        raise DataError(
            f"read_csv: {path}: the last column has {len(found)} different values in {len(values)} "
            'rows; if it is a quantity to predict, use label="number"'
        )
    return np.array([place[value] for value in values], np.int32), tuple(classes or found)
