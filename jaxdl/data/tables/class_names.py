"""Labels in words or numbers as classes 0 to K - 1; what looks like a mistake is refused."""

import re
from collections.abc import Sequence

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.tables.csv_text import is_gap, is_number
from jaxdl.typing import Host

FEW_ROWS, MOST_DECIMALS = 20, 20
CODE = re.compile(r"\+.*|-?0[0-9].*")  # 007 is not 7


def number_classes(
    who: str,
    places: Sequence[int],
    values: Sequence[str],
    classes: tuple[str, ...] = (),
    *,
    unit: str = "line",
) -> tuple[Host, tuple[str, ...]]:
    """Labels `(N,)` int32 and the names of the classes, in order.

    Numbers are named and sorted as such (`1.0` is `1`), unless one is written as a code (`007`).
    `places`: the line (the `unit`) of each value, for messages. `classes`: those of another table.
    """
    names = {value: value for value in values}
    if not classes:
        refuse_gaps(f"{who}, {unit} ", places, values)
    numeric = all(map(is_number, names)) and not any(map(CODE.fullmatch, names))
    if numeric:
        names = {value: plain_number(value) for value in names}
    found = sorted(set(names.values()), key=float if numeric else str)
    place = {name: i for i, name in enumerate(classes or found)}
    for line, value in zip(places, values, strict=True):
        if names[value] not in place:
            known = ", ".join(classes[:9])
            raise DataError(f"{who}, {unit} {line}: {value!r} is no class of training's {known}")
    decimals = numeric and any(not re.fullmatch("-?[0-9]+", name) for name in found)
    refuse_quantity(who, len(found), len(values), decimals=decimals)
    numbers = {value: place[name] for value, name in names.items()}
    return np.array([numbers[value] for value in values], np.int32), tuple(classes or found)


def refuse_gaps(who: str, places: Sequence[int], values: Sequence[str]) -> None:
    """Raises DataError where a label is missing: empty, or a word that stands for that."""
    gaps = set(filter(is_gap, set(values)))
    if not gaps:
        return
    bad = [i for i, value in enumerate(values) if value in gaps]
    first = values[bad[0]]
    what = f"{first!r} says that it is missing" if first else "is empty"
    raise DataError(
        f"{who}{places[bad[0]]}: the label {what} ({len(bad)} such); fill it in or remove the row "
        "(a class of this name: rename it)"
    )


def refuse_quantity(who: str, found: int, rows: int, *, decimals: bool = False) -> None:
    """Raises DataError where nearly every row has a label of its own, or many have `decimals`."""
    if found > max(100, rows // 2) or (rows >= FEW_ROWS and found > rows // 2):
        what = f"has {found} different values in {rows} rows"
    elif decimals and found > MOST_DECIMALS:
        what = f"has {found} different values with decimals"
    else:
        return
    raise DataError(
        f"{who}: the label {what}; if it is a quantity to predict: --data.label_type number; if "
        "it is no label, name the one that is"
    )


def plain_number(text: str) -> str:
    """A number as its class is called: whole ones in digits, others as Python writes them."""
    value = float(text)
    if not value.is_integer():
        return repr(value)
    return text if re.fullmatch("-?[1-9][0-9]*", text) else str(int(value))
