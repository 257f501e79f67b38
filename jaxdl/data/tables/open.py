"""One's own rows as splits: a CSV table, the arrays of an .npz file."""

from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.class_doubts import note_taken
from jaxdl.data.config import CsvData, NpzData
from jaxdl.data.files.folder_walk import own_entries
from jaxdl.data.files.own_path import own_path
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.tables.array_labels import count_classes
from jaxdl.data.tables.csv_table import read_csv
from jaxdl.data.tables.npz import read_npz
from jaxdl.data.tables.pixels import check_pixels, doubt_shape

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")


def open_csv(cfg: CsvData) -> Dataset:
    """A table with a label."""
    path = only_file(own_path(cfg), TABLES)
    table = read_csv(path, label=cfg.label_type, label_column=cfg.label_column, ignore=cfg.ignore)
    opened = Dataset({"train": ArraySource(table.arrays)}, table.classes, table=table.form)
    return note_taken(opened, table.said, table.doubts)


def open_npz(cfg: NpzData) -> Dataset:
    """Arrays `image`, or `input`, and `label`, also in the layout of Keras."""
    path = only_file(own_path(cfg), (".npz",))
    arrays = read_npz(path, label=cfg.label_type)
    doubts = []
    for split, named in arrays.splits.items():
        if "image" in named:
            check_pixels(f"{path}, {split}", named["image"])
            doubts += doubt_shape(named["image"])
    labels = {s: a["label"] for s, a in arrays.splits.items() if "label" in a}
    labels = {s: v for s, v in labels.items() if v.dtype == np.int32 and v.ndim == 1}
    count = count_classes(f"read_npz: {path}", labels, arrays.classes)
    splits = {split: ArraySource(named, str(path)) for split, named in arrays.splits.items()}
    classes = (arrays.classes or tuple(map(str, range(count)))) if labels else ()
    opened = Dataset(splits, classes)
    return note_taken(opened, arrays.said, doubts)


def only_file(path: Path, suffixes: tuple[str, ...]) -> Path:
    """The file, or the one of these names in a folder (such as an archive's)."""
    if not path.is_dir():
        return path
    found = [p for p in own_entries(path) if p.is_file() and p.name.lower().endswith(suffixes)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(p.name for p in found[:5]) or "none"
    raise DataError(
        f"data.path: {path} is a folder; one file {suffixes[0]} is needed, and there is "
        f"{names if found else 'none'}" + ("; name one" if found else "")
    )
