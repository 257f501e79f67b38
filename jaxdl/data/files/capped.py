"""Files that may be packed, read under a cap: a small one must not fill memory, disk or time."""

import gzip
import io
import zlib
from pathlib import Path

from jaxdl.checks import DataError

SMALL = 1 << 26  # bytes that may be packed as tightly as they like
MOST_RATIO = 200.0
GZIP = b"\x1f\x8b"
MARKS = (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"))


def most_bytes(packed: int, *, small: int = SMALL, ratio: float = MOST_RATIO) -> int:
    """How far `packed` bytes may expand."""
    return int(max(small, ratio * packed))


def check_plain_file(path: Path, who: str) -> int:
    """The size of a plain file. Raises DataError for a folder, a pipe, a device, and for none."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{who}: {path} cannot be read: {error.strerror}") from None
    if path.is_dir():
        raise DataError(f"{who}: {path} is a folder; one file is needed, name it in data.path")
    if not path.is_file():
        raise DataError(f"{who}: {path} is no plain file (a pipe or a device?)")
    return size


def read_capped(path: Path, who: str) -> bytes:
    """The content of a file, unpacked if it is packed by gzip.

    Raises DataError, naming the file, where it cannot be read, or expands over `most_bytes`.
    """
    limit = most_bytes(check_plain_file(path, who))
    try:
        with path.open("rb") as file:
            if file.read(2) != GZIP:
                return path.read_bytes()
        content = bytearray()
        with gzip.open(path) as file:
            while len(content) <= limit and (block := file.read(1 << 20)):
                content += block
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{who}: {path} cannot be read: {error}") from None
    if len(content) > limit:
        raise DataError(
            f"{who}: {path} expands to more than {limit:,} bytes, {MOST_RATIO:g} times its own; "
            "unpack it first if you trust it"
        )
    return bytes(content)


def read_characters(path: Path, who: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it says so in its first bytes.

    Raises DataError as `read_capped`, and for another encoding or NUL characters.
    """
    content = read_capped(path, who)
    if content.startswith(b"PK\3\4"):
        raise DataError(f"{who}: {path} is an archive, no text (.xlsx? save the sheet as CSV)")
    encoding = next((name for name, mark in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{who}: {path} is not {encoding.removesuffix('-sig').upper()} text, at byte "
            f"{error.start}; save it as UTF-8"
        ) from None
    if "\0" in text:
        raise DataError(
            f"{who}: {path} has a NUL character, at character {text.index(chr(0)):,}: it is cut, "
            "or no text"
        )
    return text


class CappedStream(io.RawIOBase):
    """An unpacked stream; OSError beyond `limit` bytes, or where `most` are asked for at once."""

    def __init__(self, stream: io.BufferedIOBase, limit: int, most: int = 1 << 24):
        self.stream, self.limit, self.most = stream, limit, most

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """As the stream."""
        return self.stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As the stream; what lies between counts as read, before it is."""
        self._check(offset if whence == io.SEEK_SET else self.stream.tell() + offset)
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        """As the stream."""
        return self.stream.tell()

    def read(self, size: int = -1) -> bytes:
        """As the stream."""
        if size > self.most:
            raise OSError(f"a header of {size:,} bytes")
        content = self.stream.read(size if size >= 0 else self.most)
        self._check(self.stream.tell())
        return content

    def _check(self, place: int) -> None:
        if place > self.limit:
            raise OSError(f"it expands to more than {self.limit:,} bytes")
