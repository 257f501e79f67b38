"""One writer a run folder: an advisory lock that dies with its process, and who holds it."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jaxdl.checks import RunBusyError, UsageError

NAME = "lock"
_held: set[Path] = set()


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other processes out of `folder` (made if need be); within this one it may be nested.

    Raises UsageError, before anything is touched, where the folder cannot be written, RunBusyError
    where another process holds it. What a dead process left is taken over.
    """
    key = folder.absolute()
    if key in _held:
        yield
        return
    file = _take(folder)
    _held.add(key)
    try:
        yield
    finally:
        _held.discard(key)
        (folder / NAME).unlink(missing_ok=True)
        file.close()


def holder(folder: Path) -> str | None:
    """Who holds the lock of `folder` now; None where it is free, whatever stands in it."""
    try:
        with (folder / NAME).open() as file:
            return None if _lock(file) else file.read().strip() or "another process"
    except OSError:
        return None


def _take(folder: Path) -> IO[str]:
    path = folder / NAME
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"run folder {str(folder)!r} cannot be written by uid {os.getuid()} ({reason}); "
                "choose another with --run-dir"
            ) from None
        if not _lock(file):
            file.seek(0)
            who = file.read().strip() or "another process"
            file.close()
            raise RunBusyError(
                f"run folder {folder} is in use by {who}; wait, or choose another --run-dir"
            )
        if _still_at(path, file):
            break
        file.close()  # its holder has just removed it: a lock on it would keep nobody out
    file.truncate(0)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    file.write(f"pid {os.getpid()} on {socket.gethostname()} since {started}\n")
    file.flush()
    return file


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        return not _alive(file)  # a file system without locks: what is written has to do
    return True


def _alive(file: IO[str]) -> bool:
    file.seek(0)
    words = file.read().split()  # pid N on HOST since ...
    if len(words) < 4:
        return False
    return words[3] != socket.gethostname() or Path(f"/proc/{words[1]}").exists()


def _still_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False
