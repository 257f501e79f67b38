"""A scan of a data set: every row is read once, every bad one named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import box_fault
from jaxdl.data.captions import UNKNOWN
from jaxdl.data.config import DataConfig
from jaxdl.data.registry import open_dataset
from jaxdl.data.source import Dataset, Source


class Fault(NamedTuple):
    """One thing that is wrong with a row; with the split as such where `row` is ""."""

    split: str
    row: str
    why: str


class Scan(NamedTuple):
    """What is wrong with a set, how many rows each split has, what they were taken from."""

    faults: list[Fault]
    sizes: Mapping[str, int]
    taken: Mapping[str, Sequence[str]]


def scan_set(cfg: DataConfig) -> Scan:
    """All faults of the set that `cfg` names."""
    opened = open_dataset(replace(cfg, val=0))
    return Scan(
        [fault for split in opened.splits for fault in scan_split(opened, split)],
        {split: len(source) for split, source in opened.splits.items()},
        {split: source.notes.taken for split, source in opened.splits.items() if source.notes},
    )


def scan_split(opened: Dataset, split: str) -> Iterator[Fault]:
    """The faults of one split, in the order of its rows; first those found as it was opened."""
    source = opened.splits[split]
    skipped = source.skipped
    known = {name for name, _ in skipped.rows} if skipped else set()
    if source.notes is not None:
        yield from (Fault(split, "", line) for line in source.notes.doubts)
        for why, names in source.notes.left_out.items():
            yield from (Fault(split, name, f"left out: {why}") for name in names)
    if skipped:
        yield from (Fault(split, name, why) for name, why in skipped.rows)
        skipped.most = len(source) + len(known)  # all of them are to be named
    if source.check is not None:
        yield from (Fault(split, bad.where, bad.text) for bad in source.check.dropped.values())
        beyond = "its box reaches beyond the picture and is cut"
        yield from (Fault(split, where, beyond) for where in source.check.cut.values())
    for index in range(len(source)):
        yield from (Fault(split, str(index), why) for why in row_faults(opened, source, index))
        fresh = [pair for pair in skipped.rows if pair[0] not in known] if skipped else []
        known |= {name for name, _ in fresh}
        yield from (Fault(split, f"{index} ({name})", why) for name, why in fresh)


def row_faults(opened: Dataset, source: Source, index: int) -> list[str]:
    """What is wrong with one row."""
    try:
        row = source[index]
        more = source.faults(index)
    except (DataError, ValueError, OSError, KeyError) as error:
        return [f"cannot be read: {error}"]
    return more + label_faults(row, len(opened.classes)) + content_faults(row, opened)


def label_faults(row: Mapping[str, Any], classes: int) -> list[str]:
    """Labels that are not whole numbers in [0, classes)."""
    if "label" not in row or not classes:
        return []
    label = np.asarray(row["label"])
    if label.dtype.kind not in "iu":
        return [f"label {label} is {label.dtype}, not a whole number"]
    out = label[(label < 0) | (label >= classes)] if label.ndim else label
    bad = out.size and (label.ndim or not 0 <= label < classes)
    return [f"label {np.ravel(out)[0]} is not in 0..{classes - 1}"] if bad else []


def content_faults(row: Mapping[str, Any], opened: Dataset) -> list[str]:
    """Numbers that are not finite, boxes outside their picture or without area, masks without a
    pixel, keypoints outside, empty captions."""
    faults = [
        f"{name} has a number that is not finite"
        for name, value in row.items()
        if np.asarray(value).dtype.kind == "f" and not np.isfinite(value).all()
    ]
    if "boxes" in row and "image" in row:
        shape = row["image"].shape[:2]
        boxes = row["boxes"][row["kept"]]
        faults += [f"box {box.tolist()} {why}" for box in boxes if (why := box_fault(box, shape))]
        labels = row["labels"][row["kept"]]
        wrong = labels[(labels < 0) | (labels >= len(opened.classes))]
        faults += [f"box label {n} is not in 0..{len(opened.classes) - 1}" for n in wrong]
        faults += part_faults(row, shape)
    if "captions" in row:
        own = row["captions"][row["kept"]]
        empty = np.flatnonzero((own >= UNKNOWN).sum(axis=1) == 0)
        if len(empty) and not opened.synthetic:
            faults += [f"caption {i} is empty" for i in empty]
    return list(dict.fromkeys(faults))


def part_faults(row: Mapping[str, Any], shape: tuple[int, int]) -> list[str]:
    """Masks of objects without a pixel, keypoints outside the picture (H, W)."""
    faults = []
    if "masks" in row:
        blank = row["kept"] & ~row["masks"].any(axis=(1, 2))
        size = f"{shape[0]}x{shape[1]}"
        faults += [f"the mask of object {i} has no pixel at {size}" for i in np.flatnonzero(blank)]
    if "points" in row:
        x, y = np.moveaxis(row["points"], -1, 0)
        inside = (x >= 0) & (x <= shape[1]) & (y >= 0) & (y <= shape[0])
        wrong = np.argwhere(row["visible"] & row["kept"][:, None] & ~inside).tolist()
        faults += [f"keypoint {k} of object {i} lies outside the image" for i, k in wrong]
    return faults


def report_scan(name: str, scan: Scan) -> str:
    """What was taken, a line a fault, and the sum."""
    lines = [f"{split}: {line}" for split, taken in scan.taken.items() for line in taken]
    for split, row, why in scan.faults:
        lines.append(f"{split}, row {row}: {why}" if row else f"{split}: {why}")
    counted = ", ".join(f"{split} {size}" for split, size in scan.sizes.items())
    count = len(scan.faults)
    what = f"{count} fault{'s' * (count > 1)}" if count else "nothing is wrong"
    return "\n".join([*lines, f"{name}: {what} in {sum(scan.sizes.values())} rows ({counted})"])
