"""One writer a run folder: an advisory lock that dies with its process, and who holds it."""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jaxdl.checks import CheckpointError, RunBusyError, UsageError
from jaxdl.plain_file import STRANGE, check_only_files

NAME = "lock"
ROOM = 255  # characters that the paths below a run folder may take
_held: dict[Path, IO[str]] = {}


class FolderLostError(CheckpointError):
    """The run folder is another run's by now, or gone."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other processes out of `folder` (made if need be); within this one it may be nested.

    Raises UsageError, before anything is touched, where the folder cannot be written or holds a
    link, a pipe or a device, RunBusyError where another process holds it. What a dead process left
    is taken over.
    """
    key = folder.absolute()
    if key in _held:
        yield
        return
    file = _take(folder)
    _held[key] = file
    try:
        yield
    finally:
        del _held[key]
        if _still_at(key / NAME, file):  # else it is another's
            (key / NAME).unlink(missing_ok=True)
        file.close()


def check_held(path: Path) -> None:
    """Raises FolderLostError where `path` lies in a run folder that this process has lost.

    A run that was stopped for a while may find its folder removed, and another run at its place.
    To be asked before anything is written there; says nothing of a folder that was never held.
    """
    path = path.absolute()
    for folder in (path, *path.parents):
        if folder in _held and not _still_at(folder / NAME, _held[folder]):
            who = holder(folder)
            now = f"it is now held by {who}" if who else "it was removed, or its lock was"
            raise FolderLostError(
                f"run folder {folder} is no longer this run's: {now}; nothing more is written there"
            )


def holder(folder: Path) -> str | None:
    """Who holds the lock of `folder` now; None where it is free, whatever stands in it."""
    try:
        with _open(folder / NAME, os.O_RDONLY) as file:
            return None if _lock(file) else file.read().strip() or "another process"
    except OSError:
        return None


def _take(folder: Path) -> IO[str]:
    path = folder / NAME
    while True:
        try:
            check_length(folder)
            folder.mkdir(parents=True, exist_ok=True)
            file = _open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except (OSError, ValueError) as error:
            raise UsageError(_refusal(folder, error)) from None
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
    try:
        check_only_files(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        file.close()
        raise UsageError(_refusal(folder, error)) from None
    file.truncate(0)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    file.write(f"pid {os.getpid()} on {socket.gethostname()} since {started}\n")
    file.flush()
    return file


def check_length(folder: Path) -> None:
    """Raises OSError where the paths of a checkpoint in `folder` would be too long to write."""
    length, most = len(os.fsencode(folder.absolute())), os.pathconf("/", "PC_PATH_MAX") - ROOM
    if length > most:
        raise OSError(errno.ENAMETOOLONG, f"its path has {length} characters, {most} at most")


def _refusal(folder: Path, error: Exception) -> str:
    """What is wrong with a folder that cannot be taken."""
    code, reason = getattr(error, "errno", None), getattr(error, "strerror", None) or error
    if code in (errno.EINVAL, errno.ELOOP, errno.ENXIO):
        reason = {errno.ELOOP: "a link", errno.ENXIO: STRANGE}.get(code, reason)
        at = getattr(error, "filename", None)
        return f"run folder {str(folder)!r} holds {str(at)!r}, {reason}: remove it"
    return (
        f"run folder {str(folder)!r} cannot be written by uid {os.getuid()} ({reason}); "
        "choose another with --run-dir"
    )


def _open(path: Path, flags: int) -> IO[str]:
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, STRANGE, str(path))
    return open(file, "a+" if flags & os.O_RDWR else "r")


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
