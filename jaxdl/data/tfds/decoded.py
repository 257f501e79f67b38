"""Labeled image sets that tensorflow-datasets has prepared, read without TensorFlow.

A set is decoded once into `.npy` files, which later starts map into memory without importing tfds.
"""

import fcntl
import json
import os
import shutil
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.checks import DataError, JaxdlError
from jaxdl.data.tfds.prepared import open_version, prepared_version
from jaxdl.plain_file import read_json
from jaxdl.typing import Host

Splits = dict[str, dict[str, Host]]
Decoded = tuple[Splits, tuple[str, ...]]
FORMAT = 2  # of the copy: with checksums
DECODER = "pillow-2"  # part of the cache's key: other pixels need another name


def load_tfds(name: str, version: Path | None = None) -> Decoded:
    """({split: `image (N, H, W, C)` uint8, `label (N,)` int32}, classes) of a labeled set.

    `version`: its prepared folder (default: as `prepared_version` finds it).
    """
    version = version or prepared_version(name)
    cache = cache_dir() / "decoded" / f"{name.replace('/', '-')}-{version.name}-{_stamp(version)}"
    found, problem = _read_cache(cache)
    if found is not None:
        return found
    if problem:
        warnings.warn(f"{cache} {problem}; decoding again", RuntimeWarning, stacklevel=2)
    return _decode(version, cache)


def stale_parts() -> list[Path]:
    """Half-written copies that killed processes left in the cache; the next decoding deletes them.

    A copy that is being written now is among them.
    """
    return sorted((cache_dir() / "decoded").glob(".part-*"))


def _read_cache(cache: Path) -> tuple[Decoded | None, str]:
    """(the copy, or None; what is wrong with it, where there is one)."""
    if not cache.exists():
        return None, ""
    try:
        info = read_json(cache / "info.json")
        if info.get("format") != FORMAT:
            return None, f"is of another version (format {info.get('format')}, not {FORMAT})"
        arrays = {split: _read_split(cache, split, kept) for split, kept in info["splits"].items()}
        return (arrays, tuple(info["classes"])), ""
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return None, f"is damaged ({error})"


def _read_split(cache: Path, split: str, checksums: dict[str, int]) -> dict[str, Host]:
    arrays = {}
    for name in ("image", "label"):
        path = cache / f"{split}-{name}.npy"
        arrays[name] = np.load(path, mmap_mode="r", allow_pickle=False)
        if zlib.crc32(arrays[name].data) != checksums[name]:
            raise ValueError(f"{path.name}: its checksum differs")
    return arrays


def _stamp(version: Path) -> str:
    # Another copy of the same version (re-encoded, say) must not meet this one's pixels.
    import hashlib

    files = sorted((p.name, p.stat().st_size) for p in version.iterdir() if p.is_file())
    return hashlib.sha256(f"{DECODER}{files}".encode()).hexdigest()[:12]


def _decode(version: Path, cache: Path) -> Decoded:
    """Makes the copy, unless another process has just done so, and reads it."""
    builder = open_version(version)
    features: Any = builder.info.features
    if not {"image", "label"} <= set(features):
        raise DataError(
            f"data set {builder.name!r} has features {sorted(features)}; "
            "classification needs 'image' and 'label'"
        )
    try:
        with _alone(cache.parent):
            found, problem = _read_cache(cache)
            if found is None:
                _write_cache(builder, cache)
                found, problem = _read_cache(cache)
    except OSError as error:
        problem = error.strerror or str(error)
        found = None
    if found is None:
        raise DataError(
            f"the decoded copy of {builder.name!r} cannot be written to {cache.parent} "
            f"({problem}); set JAXDL_CACHE_DIR to a folder with room"
        )
    return found


def _write_cache(builder: Any, cache: Path) -> None:
    part = cache.with_name(f".part-{os.getpid()}-{cache.name}")
    part.mkdir()  # not a private temporary folder: other users may read the copy
    try:
        checksums: dict[str, dict[str, int]] = {}
        for split in builder.info.splits:
            image, label = _decode_split(builder, split, builder.info.features["image"].shape)
            np.save(part / f"{split}-image.npy", image)
            np.save(part / f"{split}-label.npy", label)
            checksums[split] = {"image": zlib.crc32(image.data), "label": zlib.crc32(label.data)}
        classes = builder.info.features["label"].names
        info = {"format": FORMAT, "splits": checksums, "classes": classes}
        (part / "info.json").write_text(json.dumps(info))
        if cache.exists():  # damaged, or half of it: who reads it now keeps its files
            cache.replace(cache.with_name(f".part-{os.getpid()}-old"))
        part.replace(cache)
    finally:
        for path in cache.parent.glob(f".part-{os.getpid()}-*"):
            shutil.rmtree(path, ignore_errors=True)


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
