"""Folders outside the checkout: prepared data sets, and what can be made again."""

import os
from pathlib import Path


def data_dir(folder: str = "") -> Path:
    """`folder`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    default = Path.home() / "tensorflow_datasets"
    return Path(folder or os.environ.get("TFDS_DATA_DIR") or default).expanduser()


def cache_dir() -> Path:
    """Where what can be made again is kept: `JAXDL_CACHE_DIR`, else `~/.cache/jaxdl`."""
    return Path(os.environ.get("JAXDL_CACHE_DIR") or Path.home() / ".cache" / "jaxdl").expanduser()
