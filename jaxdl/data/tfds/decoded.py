"""Labeled image sets that tensorflow-datasets has prepared, read without TensorFlow.

A set is decoded once into `.npy` files, which later starts map into memory without importing tfds.
"""

import fcntl
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.checks import DataError, JaxdlError
from jaxdl.data.tfds.prepared import open_version, prepared_version
from jaxdl.typing import Host

Splits = dict[str, dict[str, Host]]
DECODER = "pillow-1"  # part of the cache's key: other pixels need another name


def load_tfds(name: str, version: Path | None = None) -> tuple[Splits, tuple[str, ...]]:
    """({split: `image (N, H, W, C)` uint8, `label (N,)` int32}, classes) of a labeled set.

    `version`: its prepared folder (default: as `prepared_version` finds it).
    """
    version = version or prepared_version(name)
    cache = cache_dir() / "decoded" / f"{name.replace('/', '-')}-{version.name}-{_stamp(version)}"
    if not (cache / "info.json").exists():
        _decode(version, cache)
    try:
        return _read_cache(cache)
    except (OSError, ValueError, KeyError) as error:
        warnings.warn(f"{cache} is damaged ({error}); decoding again", RuntimeWarning, stacklevel=2)
        shutil.rmtree(cache)
        _decode(version, cache)
        return _read_cache(cache)


def stale_parts() -> list[Path]:
    """Half-written copies that killed processes left in the cache; the next decoding deletes them.

    A copy that is being written now is among them.
    """
    return sorted((cache_dir() / "decoded").glob(".part-*"))


def _read_cache(cache: Path) -> tuple[Splits, tuple[str, ...]]:
    info = json.loads((cache / "info.json").read_text())
    arrays = {
        split: {k: np.load(cache / f"{split}-{k}.npy", mmap_mode="r") for k in ("image", "label")}
        for split in info["splits"]
    }
    return arrays, tuple(info["classes"])


def _stamp(version: Path) -> str:
    # Another copy of the same version (re-encoded, say) must not meet this one's pixels.
    import hashlib

    files = sorted((p.name, p.stat().st_size) for p in version.iterdir() if p.is_file())
    return hashlib.sha256(f"{DECODER}{files}".encode()).hexdigest()[:12]


def _decode(version: Path, cache: Path) -> None:
    builder = open_version(version)
    features: Any = builder.info.features
    if not {"image", "label"} <= set(features):
        raise DataError(
            f"data set {builder.name!r} has features {sorted(features)}; "
            "classification needs 'image' and 'label'"
        )
    try:
        with _alone(cache.parent):
            if not (cache / "info.json").exists():  # else another process has just done it
                _write_cache(builder, cache)
    except OSError as error:
        raise DataError(
            f"the decoded copy of {builder.name!r} cannot be written to {cache.parent} "
            f"({error.strerror or error}); set JAXDL_CACHE_DIR to a folder with room"
        ) from None


def _write_cache(builder: Any, cache: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=cache.parent))
    try:
        for split in builder.info.splits:
            image, label = _decode_split(builder, split, builder.info.features["image"].shape)
            np.save(part / f"{split}-image.npy", image)
            np.save(part / f"{split}-label.npy", label)
        classes = builder.info.features["label"].names
        (part / "info.json").write_text(
            json.dumps({"splits": list(builder.info.splits), "classes": classes})
        )
        part.replace(cache)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the first thing it does is to delete what killed ones left."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # no locks on this file system: two may decode, the last one's copy stays
            yield
            return
        for path in stale_parts():
            shutil.rmtree(path, ignore_errors=True)
        yield


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _decode_split(builder: Any, split: str, shape: tuple[int, ...]) -> tuple[Host, Host]:
    if None in shape:
        raise DataError(
            f"data set {builder.name!r}: images of shape {shape} differ in size; "
            "set data.image_size"
        )
    count, i = builder.info.splits[split].num_examples, -1
    image, label = np.empty((count, *shape), np.uint8), np.empty(count, np.int32)
    try:
        source = builder.as_data_source(split)
        if len(source) != count:
            raise DataError(f"{builder.name}/{split}: {len(source)} of {count} rows can be read")
        for i in range(count):
            row = source[i]
            image[i], label[i] = row["image"], row["label"]
    except JaxdlError:
        raise
    except Exception as error:  # of any kind: it comes from the file formats' own readers
        where = f"row {i}" if i >= 0 else "its files"
        raise DataError(
            f"{builder.name}/{split} in {builder.data_dir}: {where} cannot be read "
            f"({_first(error)}); prepare the set again"
        ) from None
    return image, label
