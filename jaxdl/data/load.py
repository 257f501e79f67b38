"""Data sets by name, as train, val and test splits: opened, cut, and placed."""

import dataclasses
from pathlib import Path

import numpy as np

from jaxdl.checks import UsageError, unknown
from jaxdl.data.config import DataConfig, OwnData, OwnTable, RunData
from jaxdl.data.notes import say_notes
from jaxdl.data.registry import open_dataset
from jaxdl.data.run_example import load_run_example
from jaxdl.data.source import ClassSubsetSource, Dataset, FieldSubsetSource
from jaxdl.data.splits.assign import CUT, assign_splits
from jaxdl.data.splits.in_words import in_words
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.data.standardize import standardize_inputs
from jaxdl.say import introduce


def load_splits(cfg: DataConfig, *, fields: tuple[str, ...] = ()) -> dict[str, Split]:
    """`open_splits`; what the rows were taken from and what was left out is said on stderr.

    Of one's own data, too, which splits were cut out of the training rows.
    """
    splits = open_splits(cfg, fields=fields)
    cut = {
        role: [f"{split.size} rows {split.name}"]
        for role, split in splits.items()
        if isinstance(cfg, OwnData) and split.name.startswith(CUT)
    }
    introduce(in_words(cfg.name, splits))
    say_notes({role: [*cut.get(role, ()), *split.notes] for role, split in splits.items()})
    return splits


def open_splits(cfg: DataConfig, *, fields: tuple[str, ...] = ()) -> dict[str, Split]:
    """`train`, `test` and, where `cfg.val` asks for it or the set has one, `val`.

    `fields`: what of a row is kept (default: all). Splits are on the device or streamed as
    `cfg.placement` and `cfg.max_device_bytes` say; both give the same batches.
    """
    if isinstance(cfg, RunData):
        return load_run_example(Path(cfg.dir))
    opened = open_dataset(cfg, fields)
    if fields:
        opened = choose_fields(opened, fields)
    if cfg.classes:
        opened = choose_classes(opened, cfg)
    assigned = assign_splits(opened, cfg)
    if isinstance(cfg, OwnTable):
        train = assigned["train"]
        opened = standardize_inputs(opened, train.split, train.numbers, apply=cfg.standardize)
    return {role: place_split(opened, rows, cfg) for role, rows in assigned.items()}


def choose_fields(opened: Dataset, fields: tuple[str, ...]) -> Dataset:
    """The set with these entries of a row alone."""
    splits = {name: FieldSubsetSource(source, fields) for name, source in opened.splits.items()}
    return dataclasses.replace(opened, splits=splits)


def choose_classes(opened: Dataset, cfg: DataConfig) -> Dataset:
    """The set with the rows of `cfg.classes` alone. Raises UsageError for one that it has not."""
    for name in cfg.classes:
        if name not in opened.classes:
            raise unknown(f"data.classes of {cfg.name!r}", name, opened.classes)
    if len(set(cfg.classes)) < len(cfg.classes):
        raise UsageError(f"data.classes names one twice: {' '.join(cfg.classes)}")
    known = [source.labels for source in opened.splits.values()]
    if any(labels is None or np.ndim(labels) != 1 for labels in known):
        raise UsageError(f"data.classes: the rows of {cfg.name!r} have no single label each")
    labels = [opened.classes.index(name) for name in cfg.classes]
    splits = {name: ClassSubsetSource(source, labels) for name, source in opened.splits.items()}
    return dataclasses.replace(opened, splits=splits, classes=cfg.classes)
