"""Data sets by name, as train, val and test splits."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, UsageError, unknown
from jaxdl.data.config import DataConfig
from jaxdl.data.gather import Source, stack_rows
from jaxdl.data.registry import open_dataset
from jaxdl.data.source import ClassSubsetSource, Dataset, FieldSubsetSource
from jaxdl.data.splits.split import Split, stratified_split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.typing import Host

RUN = "run"  # the "data set" of a trained run: one example and the class names
VALIDATION = ("validation", "val")
HELD_OUT = 0.2  # of a set that has no test split
BLOCK = 512  # rows that are made at once


def load_splits(cfg: DataConfig, *, fields: tuple[str, ...] = ()) -> dict[str, Split]:
    """`train`, `test` and, where `cfg.val` asks for it or the set has one, `val`.

    `fields`: what of a row is kept (default: all). Splits are resident or streamed as `cfg.road`
    and `cfg.budget` say; both give the same batches.
    """
    if cfg.name == RUN:
        return load_run_example(Path(cfg.dir))
    opened = open_dataset(cfg, fields)
    if fields:
        splits = {name: FieldSubsetSource(source, fields) for name, source in opened.splits.items()}
        opened = dataclasses.replace(opened, splits=splits)
    if cfg.classes:
        opened = choose_classes(opened, cfg)
    chosen = assign_splits(opened, cfg)
    return {role: make_split(opened, *chosen[role], cfg, role) for role in chosen}


def choose_classes(opened: Dataset, cfg: DataConfig) -> Dataset:
    """The set with the rows of `cfg.classes` alone. Raises UsageError for one that it has not."""
    for name in cfg.classes:
        if name not in opened.classes:
            raise unknown(f"data.classes of {cfg.name!r}", name, opened.classes)
    if len(set(cfg.classes)) < len(cfg.classes):
        raise UsageError(f"data.classes names one twice: {' '.join(cfg.classes)}")
    known = [getattr(source, "labels", None) for source in opened.splits.values()]
    if any(labels is None or np.ndim(labels) != 1 for labels in known):
        raise UsageError(f"data.classes: the rows of {cfg.name!r} have no single label each")
    labels = [opened.classes.index(name) for name in cfg.classes]
    splits = {name: ClassSubsetSource(source, labels) for name, source in opened.splits.items()}
    return dataclasses.replace(opened, splits=splits, classes=cfg.classes)


def assign_splits(opened: Dataset, cfg: DataConfig) -> dict[str, tuple[str, Host, str]]:
    """Role -> (split of the set, row numbers in it, name)."""
    sizes = {name: len(source) for name, source in opened.splits.items()}
    train, rows = select(sizes, cfg.train, cfg.name)
    numbers = np.arange(rows.start, rows.stop)
    given = next((name for name in VALIDATION if name in sizes), None)
    test = given if cfg.test == "test" and given and "test" not in sizes else cfg.test
    chosen: dict[str, tuple[str, Host, str]] = {}
    if test == "test" and "test" not in sizes:
        labels = labels_of(opened.splits[train], numbers)
        rest, held = stratified_split(labels, max(1, round(HELD_OUT * len(numbers))), 0)
        chosen["test"] = (train, numbers[held], "held out of " + cfg.train)
        numbers = numbers[rest]
    else:
        name, rows = select(sizes, test, cfg.name)
        chosen["test"] = (name, np.arange(rows.start, rows.stop), test)
    if cfg.val:
        rest, part = stratified_split(labels_of(opened.splits[train], numbers), cfg.val, cfg.seed)
        chosen["val"] = (train, numbers[part], "val")
        numbers = numbers[rest]
    elif given and given != chosen["test"][0]:
        chosen["val"] = (given, np.arange(sizes[given]), given)
    return {"train": (train, numbers, cfg.train if not cfg.val else "train"), **chosen}


def make_split(
    opened: Dataset, name: str, numbers: Host, shown: str, cfg: DataConfig, role: str
) -> Split:
    """The rows `numbers` of one split of the set, on the road that fits."""
    source = opened.splits[name]
    labels = getattr(source, "labels", None)
    own = None if labels is None else np.asarray(labels)[numbers]
    if own is not None and opened.classes and own.ndim == 1:
        check_labels(own, len(opened.classes), cfg.name)
    options: dict[str, Any] = {
        "name": shown,
        "batch_size": cfg.batch_size,
        "seed": cfg.seed,
        "vocabulary": opened.vocabulary,
        "synthetic": opened.synthetic,
    }
    if choose_placement(source, len(numbers), cfg) == "resident":
        arrays = gather_rows(source, numbers)
        check = getattr(source, "check", None)
        if check is not None:
            check.finish()  # too many boxes that cannot be used
        return Split(arrays, opened.classes, **options)
    workers = cfg.workers
    return StreamSplit(source, opened.classes, rows=numbers, labels=own, workers=workers, **options)


def choose_placement(source: Source, count: int, cfg: DataConfig) -> str:
    """`data.road`, or what its "auto" means for so many rows."""
    if cfg.road != "auto":
        return cfg.road
    row = sum(np.asarray(value).nbytes for value in source[0].values())
    return "resident" if row * count <= cfg.budget else "stream"


def gather_rows(source: Source, numbers: Host) -> dict[str, Host]:
    """All these rows in memory: name -> `(n, ...)`."""
    many = getattr(source, "rows", None)
    if many is None:
        return stack_rows(source, numbers.tolist())
    if len(numbers) <= BLOCK or getattr(source, "labels", None) is not None:
        return many(numbers)
    first = many(numbers[:BLOCK])
    made = {k: np.empty((len(numbers), *v.shape[1:]), v.dtype) for k, v in first.items()}
    for start in range(0, len(numbers), BLOCK):
        part = many(numbers[start : start + BLOCK])
        for key, value in part.items():
            made[key][start : start + BLOCK] = value
    return made


def labels_of(source: Source, numbers: Host) -> Host:
    """The labels of these rows, equal ones where they are not known."""
    labels = getattr(source, "labels", None)
    return np.zeros(len(numbers), np.int32) if labels is None else np.asarray(labels)[numbers]


def select(sizes: Mapping[str, int], spec: str, name: str) -> tuple[str, range]:
    """The split and rows that `spec` names: `train`, `train[:1500]`, `train[10%:90%]`.

    Percentages round to the nearest row, as tensorflow-datasets does. Raises UsageError for an
    unknown split, DataError where no row is left.
    """
    match = re.fullmatch(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?", spec)
    if not match or match[1] not in sizes:
        known = ", ".join(sizes)
        raise UsageError(f"data {name!r}: split {spec!r} must be one of {known}, or a slice of one")
    size = sizes[match[1]]
    start, stop = (_bound(text, size) for text in match.group(2, 3))
    rows = range(size)[start:stop]
    if not rows:
        raise DataError(f"data {name!r}: {spec!r} selects none of {size} rows")
    return match[1], rows


def check_labels(labels: Host, classes: int, name: str) -> None:
    """Raises DataError unless labels are integers in [0, classes)."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"data {name!r}: labels must be integers, got {labels.dtype}")
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        raise DataError(
            f"data {name!r}: labels must lie in 0..{classes - 1}, got {labels[bad[0]]} in row "
            f"{bad[0]} ({len(bad)} such rows)"
        )


def save_run_example(folder: Path, split: Split) -> None:
    """Writes what `load_run_example` reads: the class names and one row."""
    (folder / "classes.json").write_text(json.dumps(split.classes))
    words = {"vocabulary": split.vocabulary, "synthetic": split.synthetic}
    (folder / "data.json").write_text(json.dumps(words))
    np.savez(folder / "example.npz", **split.example)  # pyright: ignore[reportArgumentType]


def load_run_example(folder: Path) -> dict[str, Split]:
    """A train split of one row, so that a run can be rebuilt where its data is not at hand."""
    if not (folder / "example.npz").exists():
        raise UsageError(f"{folder}: the run has not ended yet; continue it with --resume")
    classes = tuple(json.loads((folder / "classes.json").read_text()))
    words = folder / "data.json"
    more = json.loads(words.read_text()) if words.exists() else {}
    with np.load(folder / "example.npz", allow_pickle=False) as file:
        arrays = {key: file[key][None] for key in file.files}
    return {"train": Split(arrays, classes, batch_size=1, **more)}


def run_data(cfg: DataConfig, folder: Path) -> DataConfig:
    """`cfg` pointing at the example that is kept in a run folder."""
    return dataclasses.replace(cfg, name=RUN, dir=str(folder), batch_size=1, val=0)


def _bound(text: str | None, size: int) -> int | None:
    if text is None or not text.endswith("%"):
        return None if text is None else int(text)
    return round(int(text[:-1]) * size / 100)
