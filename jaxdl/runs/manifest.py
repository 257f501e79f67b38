"""What a checkpoint consists of: a file next to it, written last, with the sha256 of every file.

A flipped bit anywhere, in the manifest too, is found before anything is used.
"""

import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaxdl.checks import CheckpointError
from jaxdl.config import rename_table
from jaxdl.plain_file import check_only_files, read_json, write_whole
from jaxdl.runs.environment import versions

Arrays = dict[str, list[Any]]  # path -> [shape, dtype]

FORMAT = 1
SUFFIX = ".manifest.json"


class CheckpointCorruptError(CheckpointError):
    """A file of a checkpoint is missing or is not what was written."""


def manifest_path(root: Path) -> Path:
    """The manifest of the checkpoint `root`."""
    return root.with_name(root.name + SUFFIX)


def write_manifest(root: Path, arrays: Arrays, config: Any, host: Any) -> None:
    """Makes the files under `root` durable, then says what they are: from now on it counts."""
    everything = sorted(root.rglob("*"))
    for path in [*everything, root]:
        _sync(path)
    manifest = {
        "format": FORMAT,
        "files": {str(p.relative_to(root)): _sha256(p) for p in everything if p.is_file()},
        "arrays": arrays,
        "versions": versions(),
        "config": config,
        "host": host,
    }
    path = manifest_path(root)
    write_whole(path, json.dumps({**manifest, "sha256": _own_sha256(manifest)}))
    _sync(path.parent)


def verify(root: Path) -> dict[str, Any]:
    """The manifest of `root`, all of whose files are what was written.

    Raises CheckpointCorruptError naming the file that is not, CheckpointError where another
    version of jaxdl wrote it in a way that this one does not read.
    """
    manifest = _read(manifest_path(root))
    if manifest["format"] != FORMAT:
        raise CheckpointError(
            f"checkpoint {root} was written by jaxdl {writer(manifest)} in format "
            f"{manifest['format']}; this one reads format {FORMAT}: use that version"
        )
    there = _files(root)
    for name, digest in manifest["files"].items():
        file = root / name
        if name not in there:
            raise CheckpointCorruptError(f"checkpoint file {file} is missing")
        try:
            found = _sha256(file)
        except OSError as error:
            raise CheckpointCorruptError(f"checkpoint file {file}: {error.strerror}") from None
        if found != digest:
            raise CheckpointCorruptError(f"checkpoint file {file} is damaged (sha256 differs)")
    strange = sorted(there - set(manifest["files"]))
    if strange:
        raise CheckpointCorruptError(f"checkpoint file {root / strange[0]} is not in its manifest")
    return manifest


def check_arrays(root: Path, manifest: dict[str, Any], stored: Arrays) -> None:
    """Raises CheckpointCorruptError where the arrays on disk are not those of the manifest.

    One that is absent would become zeros, one of another dtype be cast, and a huge one fill memory.
    """
    said = {path: [shape, dtype] for path, (shape, dtype) in manifest["arrays"].items()}
    kept = {path: entry for path, entry in said.items() if 0 not in entry[0]}  # others have no file
    for path in sorted(kept.keys() | stored.keys()):
        want, have = kept.get(path), stored.get(path)
        if want != have:
            raise CheckpointCorruptError(
                f"checkpoint {root}: array {path} is {shown(have) or 'missing'} on disk, "
                f"{shown(want) or 'absent'} in its manifest"
            )


def shown(entry: list[Any] | None) -> str:
    """`[[2, 3], "float32"]` as `float32(2, 3)`."""
    return "" if entry is None else f"{entry[1]}{tuple(entry[0])}"


def _read(path: Path) -> dict[str, Any]:
    """A manifest whose own hash is right. Raises CheckpointCorruptError."""
    try:
        manifest = read_json(path)
        if not isinstance(manifest, dict):
            raise ValueError(f"it must be a table, got {type(manifest).__name__}")
        own = manifest.pop("sha256")
        if own != _own_sha256(manifest):
            raise ValueError("sha256 differs")
        if not {"format", "files", "arrays", "config", "host"} <= manifest.keys():
            raise ValueError("an entry is missing")
    except OSError as error:
        raise CheckpointCorruptError(
            f"checkpoint file {path} is damaged ({error.strerror})"
        ) from None
    except (ValueError, KeyError) as error:
        raise CheckpointCorruptError(f"checkpoint file {path} is damaged ({error})") from None
    return manifest


def _files(root: Path) -> set[str]:
    """The files of a checkpoint. Raises CheckpointCorruptError where it holds anything else."""
    try:
        if root.is_symlink():
            raise OSError(errno.EINVAL, "a link", str(root))
        check_only_files(root)
    except OSError as error:
        raise CheckpointCorruptError(
            f"checkpoint {root}: {error.filename} is {error.strerror}"
        ) from None
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def saved_config(folder: Path) -> dict[str, Any]:
    """The config in the newest whole manifest of a folder of checkpoints; {} without one."""
    names = [path.name.removesuffix(SUFFIX) for path in folder.glob("*" + SUFFIX)]
    for step in sorted((int(name) for name in names if name.isdigit()), reverse=True):
        with suppress(CheckpointCorruptError):
            path = manifest_path(folder / str(step))
            return rename_table(_read(path)["config"] or {}, f"checkpoint {folder / str(step)}")
    return {}


def writer(manifest: dict[str, Any]) -> str:
    """The version of jaxdl that wrote a manifest."""
    return manifest.get("versions", {}).get("jaxdl", "of an unknown version")


def _own_sha256(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
