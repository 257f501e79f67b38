"""Unpacking a tar or zip file that someone else made: nothing outside the folder, no bomb."""

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from jaxdl.checks import DataError
from jaxdl.data.files.capped import GZIP, CappedStream, most_bytes

Member = tuple[str, int, IO[bytes]]  # name, stated size, content
BLOCK = 1 << 20
SMALL = 1 << 24  # bytes that may be packed as tightly as they like
FEW, MEMBER_BYTES = 100_000, 32  # members of any size; packed bytes of each, beyond those
UNPACKERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (GZIP, gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
)
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(RuntimeError, NotImplementedError),  # a zip file with a password, or packed in a new way
)


def unpack(archive: Path, folder: Path, *, most: int = 1 << 36, most_ratio: float = 200.0) -> Path:
    """Unpacks into the new folder `folder`, all or nothing; returns it.

    Only plain files with plain relative names are taken. Raises DataError, naming the member, for
    any other, and where the content is over `most` bytes, or over `most_ratio` times the archive,
    or in more members than its size explains.
    """
    if folder.exists():
        raise DataError(f"unpack: {folder} exists; remove it or choose another folder")
    if not archive.is_file():
        raise DataError(f"unpack: there is no file {archive}")
    limit = min(most, most_bytes(archive.stat().st_size, small=SMALL, ratio=most_ratio))
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        used = 0
        for name, size, content in members(archive, limit):
            check_member(archive, name)
            if used + size > limit:
                raise refused(archive, name, f"brings the content over {limit:,} bytes")
            used += size
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:  # both formats end at the stated size
                shutil.copyfileobj(content, out, BLOCK)
        part.chmod(0o755)
        part.rename(folder)
    except BROKEN as error:
        raise DataError(f"unpack: {archive} cannot be read: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def members(archive: Path, limit: int) -> Iterator[Member]:
    """The files of the archive, folders left out; refuses links, devices, and too many members.

    `limit`: bytes that the members may have in all; of a tar file, its headers and its end are
    held to a bound as well.
    """
    most = max(FEW, archive.stat().st_size // MEMBER_BYTES)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for count, info in enumerate(file.infolist()):
                check_count(archive, info.filename, count, most)
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise refused(archive, info.filename, "is a link or a device")
                if not info.is_dir():
                    with file.open(info) as content:
                        yield info.filename, info.file_size, content
        return
    with open_packed(archive) as unpacked:
        stream: Any = CappedStream(unpacked, limit + SMALL)
        with tarfile.open(fileobj=stream, mode="r:") as file:
            for count, info in enumerate(file):
                stream.limit += 4 * tarfile.BLOCKSIZE  # its own headers
                check_count(archive, info.name, count, most)
                if not (info.isfile() or info.isdir()):
                    raise refused(archive, info.name, "is a link or a device")
                if info.isdir():
                    check_member(archive, info.name)
                content = file.extractfile(info)
                if content is not None:
                    yield info.name, info.size, content
        while stream.read(BLOCK):
            pass  # to the end of the packed stream, where its checksum is


def open_packed(archive: Path) -> Any:
    """The file, unpacked as its first bytes say."""
    with archive.open("rb") as file:
        head = file.read(8)
    opener = next((open_ for mark, open_ in UNPACKERS if head.startswith(mark)), None)
    return opener(archive) if opener else archive.open("rb")


def check_count(archive: Path, name: str, count: int, most: int) -> None:
    """Raises DataError where member number `count` is beyond the first `most`."""
    if count >= most:
        raise refused(archive, name, f"is one more than {most:,} members, the most for its size")


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
