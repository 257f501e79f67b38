"""Where one's own data is: a path here or below `JAXDL_DATA_DIR`, an archive unpacked once."""

import os
from pathlib import Path

from jaxdl.cache import cache_dir, expand
from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import OwnData
from jaxdl.data.files.archive import unpack
from jaxdl.data.files.folder_walk import own_entries

PACKED = (".zip", ".tar", ".tgz", *(f".tar.{kind}" for kind in ("gz", "bz2", "xz")))


def own_path(cfg: OwnData) -> Path:
    """`data.path`, below `JAXDL_DATA_DIR` if it is not here; an archive is unpacked once."""
    if not cfg.path:
        raise UsageError(f"data.name = {cfg.name} needs data.path, where your own data is")
    return unpacked(find_path(cfg.path))


def is_packed(path: Path) -> bool:
    """Whether the name is that of an archive."""
    return path.name.lower().endswith(PACKED) and not path.is_dir()


def unpacked(found: Path) -> Path:
    """The folder that an archive holds, unpacked once; anything else as it is."""
    if not is_packed(found):
        return found
    state = found.stat()
    target = cache_dir() / "unpacked" / f"{found.stem}-{state.st_size}-{state.st_mtime_ns}"
    folder = target if target.exists() else unpack(found, target)
    inside = own_entries(folder)
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def find_path(text: str, *, field: str = "data.path") -> Path:
    """The path as it is, else below `JAXDL_DATA_DIR`; errors name the `field` that says it."""
    places = [expand(text)]
    if os.environ.get("JAXDL_DATA_DIR"):
        places.append(expand(os.environ["JAXDL_DATA_DIR"]) / text)
    for place in places:
        if "\0" not in text and place.exists():
            return place
    raise DataError(f"{field}: there is no {' and no '.join(map(str, places))}")
