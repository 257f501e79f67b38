"""The example that a run keeps of its data, to be rebuilt where the data is not at hand."""

import json
import zipfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig, RunData
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.splits.split import Split
from jaxdl.data.table_form import TableForm
from jaxdl.plain_file import read_json
from jaxdl.typing import Host

MOST = 1_000_000_000  # bytes of a row


def run_data(cfg: DataConfig, folder: Path) -> RunData:
    """`cfg` pointing at the example that is kept in a run folder."""
    shared = {field.name: getattr(cfg, field.name) for field in fields(DataConfig)}
    return RunData(**shared | {"name": "run", "dir": str(folder), "batch_size": 1, "val": 0})


def save_run_example(folder: Path, split: Split) -> None:
    """Writes what `load_run_example` reads: the class names and one row."""
    (folder / "classes.json").write_text(json.dumps(split.classes))
    words = {"vocabulary": split.vocabulary, "synthetic": split.synthetic}
    words |= {"table": asdict(split.table)} if split.table else {}
    words |= {"skeleton": asdict(split.skeleton)} if split.skeleton else {}
    (folder / "data.json").write_text(json.dumps(words))
    example: dict[str, Any] = split.example
    np.savez(folder / "example.npz", **example)


def load_run_example(folder: Path) -> dict[str, Split]:
    """A train split of one row. Raises DataError where a file of it is damaged."""
    if not (folder / "example.npz").exists():
        raise UsageError(f"{folder}: the run has not ended yet; continue it with --resume")
    try:
        classes = tuple(map(str, read_json(folder / "classes.json")))
        words = folder / "data.json"
        more = read_json(words) if words.exists() else {}
        if "table" in more:
            more["table"] = TableForm.restored(**more["table"])
        if "skeleton" in more:
            more["skeleton"] = Skeleton.restored(**more["skeleton"])
        arrays = _read_row(folder / "example.npz")
        return {"train": Split(arrays, classes, batch_size=1, **more)}
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        MemoryError,
        zipfile.BadZipFile,
    ) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{folder}: what the run kept of its data is damaged ({first})") from None


def _read_row(path: Path) -> dict[str, Host]:
    """The arrays of one row, which are small. Raises ValueError where a file claims more."""
    with zipfile.ZipFile(path) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    if size > MOST:
        raise ValueError(f"{path.name} claims {size:,} bytes for one row")
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key][None] for key in file.files}
