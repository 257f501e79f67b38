"""Folders outside the checkout: prepared data sets, weight files, and what can be made again."""

import os
import tempfile
from pathlib import Path

from jaxdl.checks import UsageError


def data_dir(folder: str = "") -> Path:
    """`folder`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    given = folder or os.environ.get("TFDS_DATA_DIR")
    return expand(given) if given else _home() / "tensorflow_datasets"


def weights_dir() -> Path | None:
    """The user's own folder of weight files, `JAXDL_WEIGHTS_DIR`; None where it is not set."""
    folder = os.environ.get("JAXDL_WEIGHTS_DIR")
    return expand(folder) if folder else None


def cache_dir() -> Path:
    """Where what can be made again is kept: `JAXDL_CACHE_DIR`, else `~/.cache/jaxdl`."""
    given = os.environ.get("JAXDL_CACHE_DIR")
    return expand(given) if given else _home() / ".cache" / "jaxdl"


def expand(path: str) -> Path:
    """`path` with its `~` replaced. Raises UsageError for a user who has no home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: {error} Set HOME, or give the whole path") from None


def _home() -> Path:
    """The home folder; for a user who has none, as in a container, one that nobody else can write.

    Raises UsageError where somebody else has made it.
    """
    try:
        return Path.home()
    except RuntimeError:  # no HOME, and no entry in the list of users
        home = Path(tempfile.gettempdir()) / f"jaxdl-{os.getuid()}"
        home.mkdir(mode=0o700, exist_ok=True)
        found = home.lstat()
        if home.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise UsageError(
                f"{home} is not this user's alone; set HOME or JAXDL_CACHE_DIR"
            ) from None
        return home
