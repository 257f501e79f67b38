"""What the columns of a table are: its head line, its label, its ids; what is guessed is said."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxdl.checks import DataError, UsageError, unknown
from jaxdl.data.tables.csv_text import is_gap, is_number, is_word

LABEL_NAMES = ("label", "labels", "class", "target")
ID_NAME = re.compile(
    r"|(?i:unnamed: \d+|(.*[_ -])?(id|index|idx))|.*[a-z](ID|Id|Index|Idx)", re.ASCII
)


class Columns(NamedTuple):
    """`names` of all columns, the numbers of the features, of the label and of what is empty as far
    as looked, whether there is a head line; `said` is what was taken for what."""

    names: tuple[str, ...]
    features: tuple[int, ...]
    label: int
    empty: tuple[int, ...]
    has_head: bool
    said: tuple[str, ...]


def tell_columns(
    path: Path, rows: Sequence[list[str]], *, label: str = "", ignore: Sequence[str] = ()
) -> Columns:
    """The columns of a table with these first lines.

    `label`, `ignore`: columns by name or number (from 1), as in `CsvData`.
    """
    names, has_head = name_columns(rows)
    said = [f"the head line is {shorten(names)}" if has_head else "there is no head line"]
    ignored = {find_column(path, "data.ignore", name, names) for name in ignore}
    empty = {i for i in range(len(names)) if not any(row[i].strip() for row in rows)}
    left = [i for i in range(len(names)) if i not in ignored | empty]
    if len(left) < 2:
        raise DataError(f"read_csv: {path} has {len(left)} columns left; it needs two or more")
    named = [i for i in left if has_head and names[i].lower() in LABEL_NAMES]
    target = named[0] if len(named) == 1 else left[-1]
    if label:
        target = find_column(path, "data.label_column", label, names)
    if target not in left:
        raise UsageError(f"data.label_column: {path}, {show(names, target)} is empty or left out")
    worded = {i for i in left if i != target and has_head and is_word_id(names[i], rows[1:], i)}
    said += [f"{show(names, i)} is empty: not a feature" for i in sorted(empty)]
    said += [f"{show(names, i)} names the rows: not a feature" for i in sorted(worded)]
    said += [f"{show(names, i)} is left out: data.ignore" for i in sorted(ignored)]
    said.append(f"the label is {show(names, target)}" + ", the last" * (target == left[-1]))
    features = tuple(i for i in left if i not in {target} | worded)
    if not features:
        raise DataError(f"read_csv: {path} has no column of numbers beside its label")
    return Columns(names, features, target, tuple(empty), has_head, tuple(said))


def name_columns(rows: Sequence[list[str]]) -> tuple[tuple[str, ...], bool]:
    """The names of the columns, and whether they are the first line's."""
    if is_head(rows):
        return tuple(" ".join(cell.split()) for cell in rows[0]), True
    return tuple(f"column {i + 1}" for i in range(len(rows[0]))), False


def is_head(rows: Sequence[list[str]]) -> bool:
    """Whether the first line names the columns: words above numbers, or 0, 1, 2, ...

    A gap is no word: a first row that lacks a value is a row.
    """
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if len(first) > 3 and first[:-1] == [str(i) for i in range(len(first) - 1)]:
        return not is_number(first[-1]) or first[-1] == str(len(first) - 1)
    rest = [row for row in rest if row != rows[0]]
    words = [i for i, cell in enumerate(first[:-1]) if is_word(cell)]
    if not rest:
        return len(words) == len(first) - 1
    return any(numbers_below(rest, i) for i in words) or (
        first[-1].lower() in LABEL_NAMES and numbers_below(rest, len(first) - 1)
    )


def numbers_below(rows: Sequence[list[str]], column: int) -> bool:
    """Whether no cell of a column is a word, and not all of them are gaps."""
    cells = [row[column].strip() for row in rows]
    return not any(map(is_word, cells)) and not all(map(is_gap, cells))


def looks_like_id(name: str) -> bool:
    """Whether a column of this name numbers the rows: nameless, id, PassengerId, row_index."""
    return bool(ID_NAME.fullmatch(name))


def is_word_id(name: str, rows: Sequence[list[str]], column: int) -> bool:
    """Whether a column is one of ids in words."""
    return looks_like_id(name) and any(not is_number(row[column].strip()) for row in rows)


def find_column(path: Path, who: str, wanted: str, names: Sequence[str]) -> int:
    """The place of a column by its name, else by its number, from 1."""
    if names.count(wanted) > 1:
        raise UsageError(f"{who}: {path} has {names.count(wanted)} columns {wanted!r}; give one")
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    raise unknown(f"{who} of {path}", wanted, names, f"Or a number from 1 to {len(names)}.")


def show(names: Sequence[str], place: int) -> str:
    """A column as a person finds it."""
    name = names[place]
    if name == f"column {place + 1}":
        return name
    return f"column {place + 1} ({name})" if name else f"column {place + 1} (nameless)"


def shorten(names: Sequence[str], most: int = 8) -> str:
    """The first names, and how many there are."""
    more = f", ... ({len(names)} columns)" if len(names) > most else ""
    return ", ".join(names[:most]) + more
