"""Rendered rows, made once and kept in the cache folder."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.plain_file import read_plain, write_whole
from jaxdl.typing import Host

Splits = dict[str, dict[str, Host]]  # train and test: name -> (N, ...)
MOST = 4_000_000_000  # bytes of a kept file
VERSION = 1  # of what is kept: rows by another program are made again


def kept_rows(name: str, options: tuple[object, ...], make: Callable[[], Splits]) -> Splits:
    """What `make` gives: from the file of these options, or made, and written there.

    A file that is damaged is made again, and so is one where the disk was full.
    """
    digest = hashlib.sha256(repr((VERSION, *options)).encode()).hexdigest()[:32]
    path = cache_dir() / name / f"{digest}.npz"
    kept = read_splits(path)
    if kept is None:
        kept = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        flat: Any = {f"{role}.{k}": v for role, rows in kept.items() for k, v in rows.items()}
        np.savez_compressed(content, **flat)
        write_whole(path, content.getvalue())
    return kept


def read_splits(path: Path) -> Splits | None:
    """What `kept_rows` has written; None where it is not there or damaged, by its checksums."""
    kept: Splits = {}
    try:
        with np.load(io.BytesIO(read_plain(path, most=MOST)), allow_pickle=False) as file:
            for key in file.files:
                role, name = key.split(".")
                kept.setdefault(role, {})[name] = file[key]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return kept
