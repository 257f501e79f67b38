"""Data sets by name, as train, val and test splits."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.digits import load_digits
from jaxdl.data.split import Split, carve, take
from jaxdl.data.tfds import load_tfds
from jaxdl.typing import Host

RUN = "run"  # the "data set" of a trained run: one example and the class names


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how it is cut into batches."""

    name: str = "digits"
    """digits (embedded), or a labelled image set of tensorflow-datasets: mnist, cifar10, ..."""
    batch_size: int = 64
    """Rows in a step, over all devices."""
    dir: str = ""
    """The folder of prepared sets (default: TFDS_DATA_DIR)."""
    train: str = "train"
    """The split to train on; slices as in tensorflow-datasets: train[:90%], train[1000:]."""
    test: str = "test"
    """The split of the report's test numbers."""
    val: int = 0
    """Rows of the training split that are set apart for validation, stratified by label."""
    seed: int = 0
    """Of the order of rows and of the validation rows."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"data.batch_size must be at least 1, got {self.batch_size}")
        if self.val < 0 or self.seed < 0:
            raise UsageError(f"data.val and data.seed must be >= 0, got {self.val} and {self.seed}")


def load_splits(cfg: DataConfig) -> dict[str, Split]:
    """`train`, `test` and, where `cfg.val` asks for it, `val`."""
    if cfg.name == RUN:
        return load_run_example(Path(cfg.dir))
    tables, classes = load_digits() if cfg.name == "digits" else load_tfds(cfg.name, cfg.dir)
    made = {
        role: _split(cut(tables, spec, cfg.name), classes, spec, cfg)
        for role, spec in (("train", cfg.train), ("test", cfg.test))
    }
    if cfg.val:
        rest, part = carve(np.asarray(made["train"].arrays["label"]), cfg.val, cfg.seed)
        made["val"] = take(made["train"], part, name="val")
        made["train"] = take(made["train"], rest, name="train")
    return made


def cut(tables: Mapping[str, Mapping[str, Host]], spec: str, name: str) -> dict[str, Host]:
    """The rows that `spec` names: `train`, `train[:1500]`, `train[10%:90%]`, `test[-100:]`.

    Percentages round to the nearest row, as tensorflow-datasets does. Raises UsageError for an
    unknown split, DataError where no row is left.
    """
    match = re.fullmatch(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?", spec)
    if not match or match[1] not in tables:
        known = ", ".join(tables)
        raise UsageError(f"data {name!r}: split {spec!r} must be one of {known}, or a slice of one")
    table = tables[match[1]]
    size = len(next(iter(table.values())))
    start, stop = (_bound(text, size) for text in match.group(2, 3))
    rows = range(size)[start:stop]
    if not rows:
        raise DataError(f"data {name!r}: {spec!r} selects none of {size} rows")
    return {key: value[rows.start : rows.stop] for key, value in table.items()}


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
    np.savez(folder / "example.npz", **split.example)  # pyright: ignore[reportArgumentType]


def load_run_example(folder: Path) -> dict[str, Split]:
    """A train split of one row, so that a run can be rebuilt where its data is not at hand."""
    if not (folder / "example.npz").exists():
        raise UsageError(f"{folder}: the run has not ended yet; continue it with --resume")
    classes = tuple(json.loads((folder / "classes.json").read_text()))
    with np.load(folder / "example.npz", allow_pickle=False) as file:
        arrays = {key: file[key][None] for key in file.files}
    return {"train": Split(arrays, classes, batch_size=1)}


def run_data(cfg: DataConfig, folder: Path) -> DataConfig:
    """`cfg` pointing at the example that is kept in a run folder."""
    return dataclasses.replace(cfg, name=RUN, dir=str(folder), batch_size=1, val=0)


def _bound(text: str | None, size: int) -> int | None:
    if text is None or not text.endswith("%"):
        return None if text is None else int(text)
    return round(int(text[:-1]) * size / 100)


def _split(arrays: dict[str, Host], classes: tuple[str, ...], spec: str, cfg: DataConfig) -> Split:
    check_labels(arrays["label"], len(classes), cfg.name)
    return Split(arrays, classes, name=spec, batch_size=cfg.batch_size, seed=cfg.seed)
