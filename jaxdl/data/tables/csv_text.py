"""The lines of a CSV file as cells: its delimiter is found, comments and Excel's `sep=` passed."""

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxdl.checks import DataError
from jaxdl.data.files.capped import read_characters

Line = tuple[int, list[str]]  # number in the file, cells
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LOOKED = 20  # lines from which the delimiter and the head are told
GAPS = ("", "?", "-", "na", "n/a", "#n/a", "nan", "null", "<na>", "nil")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LINE_END = re.compile(r"\r\n|\r|\n")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class CsvText(NamedTuple):
    """A file's text after what is no row of the table, which line is its first, its delimiter."""

    path: Path
    text: str
    start: int
    delimiter: str
    said: tuple[str, ...]

    def lines(self) -> Iterator[Line]:
        """All lines that are not blank, each with as many cells as the first, at least two."""
        reader = csv.reader(
            io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True
        )
        width = 0
        while True:
            place = self.start + reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataError(f"read_csv: {self.path}, line {place}: {error}") from None
            if not any(cell.strip() for cell in cells):
                continue
            width = width or len(cells)
            if len(cells) != width:
                raise DataError(
                    f"read_csv: {self.path}, line {place}: {len(cells)} cells, the first line has "
                    f"{width}"
                )
            yield place, cells


def read_csv_text(path: Path, *, least: int = 2) -> CsvText:
    """Raises DataError, naming the file, where it cannot be read, is empty or has less than `least`
    (1 or 2) columns."""
    text, said, named = read_characters(path, "read_csv"), [], ""
    place, number = 0, 1
    while place < len(text):
        line, following = line_at(text, place), after_line(text, place)
        if re.fullmatch(r"sep=.", line.strip()):
            named = line.strip()[-1]
        elif line.startswith("#") and not is_head(line, line_at(text, following)):
            said.append(f"line {number} is a comment")
        elif line.strip():
            break
        place, number = following, number + 1
    text = text[place:].removeprefix("#")
    if not text:
        raise DataError(f"read_csv: {path} is empty")
    delimiter = named or find_delimiter(text)
    if not delimiter and least > 1:
        raise DataError(
            f"read_csv: {path}, line {number}: there is one column; numbers and a label are "
            f"needed, separated by one of: {', '.join(DELIMITERS.values())}"
        )
    delimiter = delimiter or ","
    if delimiter != ",":
        said.append(f"cells are separated by a {DELIMITERS.get(delimiter, repr(delimiter))}")
    return CsvText(path, text, number, delimiter, tuple(said))


def line_at(text: str, place: int) -> str:
    """The line that begins at `place`, without its end."""
    found = LINE_END.search(text, place)
    return text[place : found.start() if found else len(text)]


def after_line(text: str, place: int) -> int:
    """Where the next line begins."""
    found = LINE_END.search(text, place)
    return found.end() if found else len(text)


def is_head(line: str, following: str) -> bool:
    """Whether a line that begins with # has as many cells as the next, as `numpy.savetxt` does."""
    return any(d in line and line.count(d) == following.count(d) for d in DELIMITERS)


def find_delimiter(text: str) -> str:
    """The one of `DELIMITERS` that makes most cells numbers, in lines of two or more; or ""."""
    shares = {}
    for delimiter in DELIMITERS:
        rows = first_rows(text, delimiter)
        if len(rows[0]) < 2:
            continue
        cells = [cell.strip() for row in rows for cell in row]
        found = [is_number(c) or (delimiter != "," and is_decimal_comma(c)) for c in cells]
        shares[delimiter] = sum(found) / len(cells)
    return max(shares, key=lambda delimiter: shares[delimiter], default="")


def first_rows(text: str, delimiter: str) -> list[list[str]]:
    """The cells of the first lines that are not blank, at least one."""
    reader = csv.reader(io.StringIO(text[: 1 << 20], newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for cells in reader:
            rows += [cells] if any(cell.strip() for cell in cells) else []
            if len(rows) == LOOKED:
                break
    except csv.Error:  # is said where the lines are read
        pass
    return rows or [[]]


def is_number(cell: str) -> bool:
    """Whether the cell is a finite number in digits."""
    return bool(NUMBER.fullmatch(cell)) and math.isfinite(float(cell))


def is_decimal_comma(cell: str) -> bool:
    """Whether the cell is a number whose decimals follow a comma."""
    return bool(DECIMAL_COMMA.fullmatch(cell))


def is_gap(cell: str) -> bool:
    """Whether the cell stands for a value that is missing."""
    return cell.strip().lower() in GAPS


def is_word(cell: str) -> bool:
    """Whether the cell is no gap and nothing that Python reads as a number."""
    try:
        float(cell)
    except ValueError:
        return not is_gap(cell) and not is_decimal_comma(cell)
    return False
