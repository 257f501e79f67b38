"""Unpacking a tar or zip file that someone else made: nothing outside the folder, no bomb."""

import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from jaxdl.checks import DataError

Member = tuple[str, int, IO[bytes]]  # name, stated size, content
BLOCK = 1 << 20
SMALL = 1 << 24  # bytes that may be packed as tightly as they like
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(RuntimeError, NotImplementedError),  # a zip file with a password, or packed in a new way
)


def unpack(
    archive: Path, folder: Path, *, most_bytes: int = 1 << 36, most_ratio: float = 200.0
) -> Path:
    """Unpacks into the new folder `folder`, all or nothing; returns it.

    Only plain files with plain relative names are taken. Raises DataError, naming the member, for
    any other, and where the content is over `most_bytes`, or over `most_ratio` times the archive.
    """
    if folder.exists():
        raise DataError(f"unpack: {folder} exists; remove it or choose another folder")
    if not archive.is_file():
        raise DataError(f"unpack: there is no file {archive}")
    limit = min(most_bytes, max(SMALL, most_ratio * archive.stat().st_size))
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        used = 0
        for name, size, content in members(archive):
            check_member(archive, name)
            if used + size > limit:
                raise refused(archive, name, f"brings the content over {int(limit):,} bytes")
            used += size
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:  # both formats end at the stated size
                shutil.copyfileobj(content, out, BLOCK)
        part.chmod(0o755)
        part.rename(folder)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        OSError,
    ) as error:
        raise DataError(f"unpack: {archive} cannot be read: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def members(archive: Path) -> Iterator[Member]:
    """The files of the archive, folders left out; refuses links and devices."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for info in file.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise refused(archive, info.filename, "is a link or a device")
                if not info.is_dir():
                    with file.open(info) as content:
                        yield info.filename, info.file_size, content
        return
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isfile() or info.isdir()):
                raise refused(archive, info.name, "is a link or a device")
            if info.isdir():
                check_member(archive, info.name)
            content = file.extractfile(info)
            if content is not None:
                yield info.name, info.size, content
        while file.fileobj.read(BLOCK):
            pass  # to the end of the packed stream, where its checksum is


def check_member(archive: Path, name: str) -> None:
    """Raises DataError unless `name` stays inside whatever folder it is joined to."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise refused(archive, name, "is not a relative path")
    if ".." in parts:
        raise refused(archive, name, "leaves the folder")
    if "\0" in name or max(len(part.encode()) for part in parts) > 255:
        raise refused(archive, name, "is no file name")


def refused(archive: Path, name: str, why: str) -> DataError:
    """The error for a member that must not be unpacked."""
    shown = name if len(name) <= 80 else name[:77] + "..."
    return DataError(f"unpack: {archive.name}: member {shown!r} {why}; nothing was unpacked")
