"""A CSV table of one's own: numbers and a label, with or without a head line."""

import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError, check_one_of
from jaxdl.data.table_form import TableForm
from jaxdl.data.tables.class_names import number_classes
from jaxdl.data.tables.csv_head import (
    Columns,
    looks_like_id,
    name_columns,
    shorten,
    show,
    tell_columns,
)
from jaxdl.data.tables.csv_text import (
    LOOKED,
    NUMBER,
    CsvText,
    Line,
    is_decimal_comma,
    is_gap,
    read_csv_text,
)
from jaxdl.typing import Host

LABELS = ("class", "number")
STRANGE = re.compile(r"_|nan|inf|[^\x00-\x7f]", re.IGNORECASE)  # float() reads more than digits


class Table(NamedTuple):
    """`input` `(N, D)` float64 and `label` `(N,)`, the classes, which columns are the features.

    `said`: what was taken for what; `doubts`: what looks like a mistake.
    """

    arrays: dict[str, Host]
    classes: tuple[str, ...]
    form: TableForm
    said: tuple[str, ...]
    doubts: tuple[str, ...]


def read_csv(
    path: Path | str,
    *,
    label: str = "class",
    label_column: str = "",
    ignore: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> Table:
    """The rows of a `.csv` or `.csv.gz` file; all columns but the label are numbers.

    Args: `label` "class": the label's different values are the classes, in order (of numbers, if
    they are), and labels int32; "number": it is what to predict, float32. `label_column`: by name
    or number (default: the one called label, class or target, else the last). `ignore`: columns
    that are left out. `classes`: those of another table, so that both number them alike.

    A column that numbers the rows, by its name and its values, is left out, which is said.
    """
    check_one_of("read_csv: label", label, LABELS)
    text = read_csv_text(Path(path))
    lines = text.lines()
    first = list(islice(lines, LOOKED + 1))
    columns = tell_columns(text.path, [c for _, c in first], label=label_column, ignore=ignore)
    rows = read_rows(text, chain(first[columns.has_head :], lines), columns, label)
    kept, said, doubts = drop_ids(rows.inputs, columns)
    inputs = np.ascontiguousarray(rows.inputs[:, kept])
    places = tuple(columns.features[i] for i in kept)
    names = tuple(columns.names[place] for place in places)
    form = TableForm(names, places, len(columns.names))
    said = (*text.said, *columns.said, *said, f"features: {shorten(names)}")
    if label == "number":
        return Table({"input": inputs, "label": rows.targets}, (), form, said, doubts)
    who = f"read_csv: {path}"
    ids, found = number_classes(who, rows.places, rows.labels, tuple(classes))
    return Table({"input": inputs, "label": ids}, found, form, said, doubts)


def read_inputs(path: Path, form: TableForm) -> tuple[Sequence[int], Host]:
    """(lines `(N,)`, features `(N, D)` float64) of another file with the columns of `form`.

    By the names of its head line, in any order, where training had some; else by their places. A
    label, and a column that was left out, may be there or not. Raises DataError for other columns.
    """
    text = read_csv_text(path, least=1)
    lines = text.lines()
    first = list(islice(lines, LOOKED + 1))
    names, has_head = name_columns([cells for _, cells in first])
    count, width = len(form.names), len(names)
    missing = [name for name in form.names if name not in names]
    by_name = has_head and form.is_named and len(set(form.names)) == count
    if by_name and missing:
        raise DataError(f"read_csv: {path} has no column {', '.join(missing[:5])}, as in training")
    if by_name:
        features = tuple(map(names.index, form.names))
    elif width in (form.width, count, count + 1):
        features = form.places if width == form.width else tuple(range(count))
    else:
        raise DataError(
            f"read_csv: {path}: {width} columns, but the run was trained on {count} numbers: "
            f"{shorten(form.names)} (a label may be there too, it is not read)"
        )
    columns = Columns(names, features, features[0], (), has_head, ())
    rows = read_rows(text, chain(first[has_head:], lines), columns, "class")
    return rows.places, rows.inputs


class Rows(NamedTuple):
    """Line `places`, `inputs` `(N, D)` float64 of all features, labels as they stand, and as
    `targets` `(N,)` float32 where they are numbers."""

    places: Sequence[int]
    inputs: Host
    labels: list[str]
    targets: Host


def read_rows(text: CsvText, lines: Iterable[Line], columns: Columns, label: str) -> Rows:
    """All rows. Raises DataError, naming line and column, for a cell that is no number."""
    wanted = [*columns.features, *([columns.label] if label == "number" else [])]
    exact = STRANGE.search(text.text) is not None
    values, places, labels = array("d"), array("q"), []
    for place, cells in lines:
        for i in columns.empty:
            if cells[i].strip():
                raise DataError(
                    f"read_csv: {text.path}, line {place}, {show(columns.names, i)}: {cells[i]!r} "
                    "in a nameless column that is empty before; name it, or --data.ignore "
                    f"{i + 1}"
                )
        places.append(place)
        labels.append(sys.intern(cells[columns.label].strip()))
        try:
            if exact:
                raise ValueError
            values.extend([float(cells[i]) for i in wanted])
        except ValueError:
            values.extend([number(text, place, columns, i, cells[i]) for i in wanted])
    if not places:
        raise DataError(f"read_csv: {text.path} has a head line and no rows")
    inputs = np.frombuffer(values, np.float64).reshape(len(places), len(wanted))
    beyond = np.argwhere(~(np.abs(inputs) <= np.finfo(np.float32).max))
    if len(beyond):
        row, column = beyond[0].tolist()
        raise DataError(
            f"read_csv: {text.path}, line {places[row]}, {show(columns.names, wanted[column])}: "
            f"{inputs[row, column]:g} is too large for float32"
        )
    count = len(columns.features)
    return Rows(places, inputs[:, :count], labels, inputs[:, count:].ravel().astype(np.float32))


def number(text: CsvText, place: int, columns: Columns, column: int, cell: str) -> float:
    """One cell as a finite number. Raises DataError, naming line and column."""
    cell = cell.strip()
    if NUMBER.fullmatch(cell):
        return float(cell)
    name = columns.names[column]
    who = f"read_csv: {text.path}, line {place}, {show(columns.names, column)}"
    if columns.has_head and cell == name:
        raise DataError(f"{who}: {cell!r} is the head line again; remove the line")
    if is_gap(cell):
        what = "fill it in or remove the line"
    elif is_decimal_comma(cell):
        what = "write decimals with a point, and thousands without a comma"
    else:
        what = f"write it in numbers, or leave the column out: --data.ignore {column + 1}"
    raise DataError(f"{who}: {cell!r} is not a finite number; {what}")


def drop_ids(inputs: Host, columns: Columns) -> tuple[list[int], tuple[str, ...], tuple[str, ...]]:
    """(the features `(N, D)` that are none, what was left out, what may be one as well)."""
    kept, said, doubts = [], [], []
    for i, values in enumerate(inputs.T):
        place = columns.features[i]
        counts = len(values) > 1 and np.array_equal(values, values[0] + np.arange(len(values)))
        different = counts or (
            (values == np.floor(values)).all() and len(np.unique(values)) == len(values) > 1
        )
        name = show(columns.names, place)
        if columns.has_head and looks_like_id(columns.names[place]) and different:
            said.append(f"{name} numbers the rows: not a feature")
            continue
        if counts and len(values) >= LOOKED and len(inputs.T) > 1:
            doubts.append(
                f"{name} counts the rows from {values[0]:g} on and is a feature; if it only "
                f"numbers them: --data.ignore {place + 1}"
            )
        kept.append(i)
    if not kept:
        raise DataError("read_csv: no column of numbers is left beside the label and the ids")
    return kept, tuple(said), tuple(doubts)
