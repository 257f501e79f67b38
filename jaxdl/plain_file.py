"""Files of which anything may be true: a pipe in place of a file, a bomb, a link, a full disk."""

import errno
import json
import os
import re
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

DEEP = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){30}""")
STRANGE = "a pipe, a socket or a device"
MOST = 64_000_000  # bytes of a file that is read at once


def read_plain(path: Path, *, most: int = MOST) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError, at once, where it is anything else: a pipe or a device could be read for ever.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with open(file, "rb", closefd=False) as stream:
            data = stream.read(most + 1)
    finally:
        os.close(file)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return data


def read_json(path: Path, *, most: int = MOST) -> Any:
    """What a JSON file holds. Raises OSError as `read_plain`, ValueError where it is no JSON."""
    try:
        return json.loads(read_plain(path, most=most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_tables(path: Path, *, most: int) -> dict[str, Any]:
    """What a TOML file holds; raises as `read_json`. Names of 30 parts would take minutes."""
    text = read_plain(path, most=most).decode()
    if DEEP.search(text):
        raise ValueError("it is nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file that is whole or not there: beside it, then in its place.

    What stood there before stays where the disk refuses (OSError), and a link is not followed.
    """
    part = path.with_name(f"{path.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(file, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):  # a failed write does not say of what
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def check_only_files(folder: Path) -> None:
    """Raises OSError, naming it, where anything in `folder` is neither a file nor a folder.

    Through a link, what is written or deleted here would be written or deleted elsewhere.
    """
    todo = [os.fspath(folder)]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    kind = "a link" if entry.is_symlink() else STRANGE
                    raise OSError(errno.EINVAL, kind, entry.path)
