"""What a checkpoint consists of: a file next to it, written last, with the sha256 of every file.

A flipped bit anywhere, in the manifest too, is found before anything is used.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from jaxdl.checks import CheckpointError
from jaxdl.runs.environment import versions

FORMAT = 1
SUFFIX = ".manifest.json"


class CheckpointCorruptError(CheckpointError):
    """A file of a checkpoint is missing or is not what was written."""


def manifest_path(root: Path) -> Path:
    """The manifest of the checkpoint `root`."""
    return root.with_name(root.name + SUFFIX)


def write_manifest(root: Path, arrays: dict[str, list[Any]], config: Any, host: Any) -> None:
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
    part = path.with_suffix(".part")
    part.write_text(json.dumps({**manifest, "sha256": _own_sha256(manifest)}))
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def verify(root: Path) -> dict[str, Any]:
    """The manifest of `root`, all of whose files are what was written.

    Raises CheckpointCorruptError naming the file that is not, CheckpointError where another
    version of jaxdl wrote it in a way that this one does not read.
    """
    path = manifest_path(root)
    try:
        manifest = json.loads(path.read_bytes())
        own = manifest.pop("sha256")
        if own != _own_sha256(manifest):
            raise ValueError("sha256 differs")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointCorruptError(f"checkpoint file {path} is damaged ({error})") from None
    if manifest["format"] != FORMAT:
        raise CheckpointError(
            f"checkpoint {root} was written by jaxdl {writer(manifest)} in format "
            f"{manifest['format']}; this one reads format {FORMAT}: use that version"
        )
    for name, digest in manifest["files"].items():
        file = root / name
        try:
            found = _sha256(file)
        except OSError as error:
            missing = "missing" if isinstance(error, FileNotFoundError) else error.strerror
            raise CheckpointCorruptError(f"checkpoint file {file} is {missing}") from None
        if found != digest:
            raise CheckpointCorruptError(f"checkpoint file {file} is damaged (sha256 differs)")
    return manifest


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
