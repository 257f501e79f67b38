"""Folders outside the checkout: prepared data sets, weight files, and what can be made again."""

import os
from pathlib import Path


def data_dir(folder: str = "") -> Path:
    """`folder`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    default = Path.home() / "tensorflow_datasets"
    return Path(folder or os.environ.get("TFDS_DATA_DIR") or default).expanduser()


def weights_dir() -> Path | None:
    """The user's own folder of weight files, `JAXDL_WEIGHTS_DIR`; None where it is not set."""
    folder = os.environ.get("JAXDL_WEIGHTS_DIR")
    return Path(folder).expanduser() if folder else None


def cache_dir() -> Path:
    """Where what can be made again is kept: `JAXDL_CACHE_DIR`, else `~/.cache/jaxdl`."""
    return Path(os.environ.get("JAXDL_CACHE_DIR") or Path.home() / ".cache" / "jaxdl").expanduser()
