"""Splits of a person's own arrays."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.source import check_finite_rows
from jaxdl.data.splits.split import Split
from jaxdl.typing import Host

ROLES = ("train", "val", "test")


def array_splits(
    arrays: Mapping[str, tuple[Host, Host]],
    *,
    batch_size: int = 64,
    classes: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Split]:
    """Role -> split of `(inputs, labels)`: of `train` and, where they are given, `val` and `test`.

    Inputs: pictures `(N, H, W, C)` or `(N, H, W)` uint8, the entry `image` of a row; else numbers
    `(N, ...)`, the entry `input`, which become float32. Labels: classes as whole numbers from 0, of
    which `classes` are the names; or numbers `(N, ...)` to predict, which become float32. Raises
    DataError for what is neither, for unequal counts, labels beyond the classes, numbers that are
    not finite.
    """
    if "train" not in arrays or set(arrays) - set(ROLES):
        raise DataError(
            f"arrays: give {{'train': (inputs, labels)}}, beside it 'val' and 'test'; got "
            f"{', '.join(map(repr, arrays)) or 'nothing'}"
        )
    rows = {role: _rows(role, *pair) for role, pair in arrays.items()}
    label = rows["train"]["label"]
    if label.dtype.kind == "i" and not classes:
        classes = [str(i) for i in range(int(label.max(initial=-1)) + 1)]
    for role, of in rows.items():
        _check_labels(role, of["label"], label, len(classes))
    return {
        role: Split(
            of,
            tuple(classes) if label.dtype.kind == "i" else (),
            name=role,
            batch_size=batch_size,
            seed=seed,
            shuffle=role == "train",
        )
        for role, of in rows.items()
    }


def named_inputs(inputs: Host) -> dict[str, Host]:
    """Pictures `(N, H, W, C)` or `(N, H, W)` uint8 as `image`, anything else as `input` float32."""
    if inputs.dtype == np.uint8 and inputs.ndim in (3, 4):
        return {"image": inputs if inputs.ndim == 4 else inputs[..., None]}
    return {"input": np.asarray(inputs, np.float32)}


def _rows(role: str, inputs: Host, labels: Host) -> dict[str, Host]:
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if len(inputs) != len(labels):
        raise DataError(f"arrays: {role} has {len(inputs)} inputs and {len(labels)} labels")
    for name, value in (("inputs", inputs), ("labels", labels)):
        if value.dtype.kind not in "iuf":
            raise DataError(f"arrays: {role}: {name} must be numbers, got {value.dtype}")
    rows = named_inputs(inputs)
    rows["label"] = labels.astype(np.float32 if labels.dtype.kind == "f" else np.int32)
    check_finite_rows(f"arrays: {role}", rows, np.arange(len(inputs)))
    return rows


def _check_labels(role: str, label: Host, train: Host, classes: int) -> None:
    """Raises DataError unless labels are of the training rows' kind and below `classes`."""
    if label.dtype != train.dtype or label.shape[1:] != train.shape[1:]:
        raise DataError(
            f"arrays: labels of {role} are {label.dtype} {label.shape}, those of train "
            f"{train.dtype} {train.shape}; rows of both must be alike"
        )
    if label.dtype.kind == "i" and label.ndim == 1:
        bad = np.flatnonzero((label < 0) | (label >= classes))
        if len(bad):
            raise DataError(
                f"arrays: {role}: label {label[bad[0]]} of row {bad[0]} is not in [0, {classes})"
            )
