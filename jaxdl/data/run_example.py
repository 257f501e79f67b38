"""The example that a run keeps of its data, to be rebuilt where the data is not at hand."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.data.config import DataConfig, RunData
from jaxdl.data.splits.split import Split


def run_data(cfg: DataConfig, folder: Path) -> RunData:
    """`cfg` pointing at the example that is kept in a run folder."""
    shared = {field.name: getattr(cfg, field.name) for field in fields(DataConfig)}
    return RunData(**shared | {"name": "run", "dir": str(folder), "batch_size": 1, "val": 0})


def save_run_example(folder: Path, split: Split) -> None:
    """Writes what `load_run_example` reads: the class names and one row."""
    (folder / "classes.json").write_text(json.dumps(split.classes))
    words = {"vocabulary": split.vocabulary, "synthetic": split.synthetic}
    (folder / "data.json").write_text(json.dumps(words))
    example: dict[str, Any] = split.example
    np.savez(folder / "example.npz", **example)


def load_run_example(folder: Path) -> dict[str, Split]:
    """A train split of one row."""
    if not (folder / "example.npz").exists():
        raise UsageError(f"{folder}: the run has not ended yet; continue it with --resume")
    classes = tuple(json.loads((folder / "classes.json").read_text()))
    words = folder / "data.json"
    more = json.loads(words.read_text()) if words.exists() else {}
    with np.load(folder / "example.npz", allow_pickle=False) as file:
        arrays = {key: file[key][None] for key in file.files}
    return {"train": Split(arrays, classes, batch_size=1, **more)}
