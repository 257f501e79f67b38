"""Label arrays in any of their usual forms as one label a row."""

from collections.abc import Mapping

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.tables.class_names import number_classes, refuse_quantity
from jaxdl.typing import Host

MOST = np.iinfo(np.int32).max
FEW = 1000  # classes of which most may have no row


def one_label_a_row(who: str, value: Host, label: str) -> tuple[Host, str]:
    """Labels `(N,)`, and how they were taken where that is not plain: int32, words, or float32.

    Whole numbers `(N,)` or `(N, 1)`, also stored as floats or bool, and one-hot rows `(N, K)` are
    int32; float32 all where `label` is "number". More axes (a class for each pixel) stay.
    """
    if value.ndim > 2 and value.dtype.kind in "biu":
        return value, ""
    if value.ndim == 2 and value.shape[1] == 1:
        value = value[:, 0]
    if value.ndim == 2 and is_one_hot(value):
        return value.argmax(axis=1).astype(np.int32), f"one-hot rows of {value.shape[1]} classes"
    if value.ndim > 1:
        raise DataError(
            f"{who} must have one label a row, (N,), (N, 1) or one-hot, got {value.dtype} "
            f"{value.shape}"
        )
    if value.dtype.kind in "US":
        return value, ""
    if value.dtype.kind not in "biuf":
        raise DataError(f"{who} must be rows of numbers or words, got {value.dtype}")
    if label == "number":
        return value.astype(np.float32), ""
    stored, value = value.dtype, value.astype(np.float64) if value.dtype.kind == "f" else value
    if stored.kind == "f" and (value != np.floor(value)).any():
        row = int(np.flatnonzero(value != np.floor(value))[0])
        raise DataError(
            f"{who}: {value[row]:g} in row {row} is no class; a quantity to predict: "
            "--data.label_type number"
        )
    out = np.flatnonzero((value < 0) | (value > MOST))
    if len(out):
        raise DataError(
            f"{who}: {value[out[0]]:.0f} in row {out[0]} is no class ({len(out)} such); number "
            "them 0 to K - 1"
        )
    how = f"whole numbers that were {stored}" if stored.kind == "f" else ""
    return value.astype(np.int32), how


def is_one_hot(value: Host) -> bool:
    """Whether every row of `(N, K)` is zeros and a single one."""
    if value.dtype.kind not in "biuf":
        return False
    return bool(((value == 0) | (value == 1)).all() and (value.sum(axis=1) == 1).all())


def number_words(who: str, splits: Mapping[str, dict[str, Host]]) -> tuple[str, ...]:
    """Puts numbers in the place of labels that are words, in all splits; the words, in order."""
    classes: tuple[str, ...] = ()
    for split in sorted(splits, key="train".__ne__):  # it first
        label = splits[split].get("label")
        if label is None or label.dtype.kind not in "US":
            continue
        words = [word.strip() for word in as_text(label)]
        where = f"{who}, {split}"
        numbers, classes = number_classes(where, range(len(words)), words, classes, unit="row")
        splits[split]["label"] = numbers
    return classes


def as_text(value: Host) -> list[str]:
    """Words, also those that are bytes."""
    return np.char.decode(value, "utf-8").tolist() if value.dtype.kind == "S" else value.tolist()


def count_classes(who: str, labels: Mapping[str, Host], names: tuple[str, ...]) -> int:
    """K of labels 0 to K - 1, split -> `(N,)`; that of `names` where they are given.

    Raises DataError where there are fewer names, or hardly any number of 0 to K - 1 has a row.
    """
    count = max((int(label.max(initial=-1)) + 1 for label in labels.values()), default=0)
    if names and count > len(names):
        raise DataError(f"{who}: label {count - 1} has no name; there are {len(names)} names")
    every = np.concatenate([np.zeros(0, np.int32), *labels.values()])
    found = len(np.unique(every))
    refuse_quantity(who, found, len(every))
    if count > FEW and count > 10 * found:
        raise DataError(
            f"{who}: labels have {found} different values in 0..{count - 1:,}; number the classes "
            f"0 to {found - 1}"
        )
    return len(names) or count
