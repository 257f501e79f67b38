"""What can be wrong with the world of a process: set in the process itself before its work."""


def devices(count: int) -> None:
    """So many simulated devices."""
    import jax

    jax.config.update("jax_num_cpu_devices", count)


def grace(seconds: float) -> None:
    """So little time for the loop to answer a signal."""
    from jaxdl.runs import signals

    signals.GRACE = seconds


def stopped_in_chunk(count: int) -> None:
    """SIGTERM comes while the chunk of this number, from 1 on, is under way."""
    import itertools
    import os
    import signal

    from jaxdl.training.chunk import ChunkRunner

    advance, numbers = ChunkRunner.advance, itertools.count(1)

    def wrapped(*args):
        if next(numbers) == count:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(*args)

    ChunkRunner.advance = wrapped


def largest_file(size: int) -> None:
    """No file may grow beyond `size` bytes: writes then fail as on a full disk (EFBIG)."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def no_power() -> None:
    """A user like any other: permissions hold for root, too (its capabilities are dropped)."""
    import ctypes

    version = 0x20080522
    header, data = (ctypes.c_uint32 * 2)(version, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(header, data) != 0:
        raise OSError("capset failed")


def without(*names: str) -> None:
    """These packages are not installed."""
    import sys
    from importlib.machinery import PathFinder

    class Rest(PathFinder):
        """Finds what is installed, but for them."""

        @classmethod
        def find_spec(cls, fullname, path=None, target=None):
            absent = fullname.partition(".")[0] in names
            return None if absent else super().find_spec(fullname, path, target)

    for name in list(sys.modules):
        if name.partition(".")[0] in names:
            del sys.modules[name]
    sys.meta_path[sys.meta_path.index(PathFinder)] = Rest


def no_network() -> None:
    """No way out of this machine, not even a name can be looked up."""
    import socket

    def refuse(*args, **options):
        raise OSError(101, "Network is unreachable")

    socket.getaddrinfo = refuse
    socket.socket.connect = refuse


def memory(more: int) -> None:
    """So many bytes of data beside what the process has now."""
    import resource
    from pathlib import Path

    words = Path("/proc/self/statm").read_text().split()
    limit = int(words[5]) * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def jumping_clock() -> None:
    """A clock that is set back and forth by hours between two looks at it."""
    import time

    now, looks = time.time, iter(range(10**9))
    time.time = lambda: now() + 7200 * (-1) ** next(looks)


def ascii_only() -> None:
    """A locale and streams without UTF-8, as Python sets them up in it."""
    import locale
    import sys

    locale.setlocale(locale.LC_ALL, "C")
    sys.stdout.reconfigure(encoding="ascii", errors="strict")  # pyright: ignore
    sys.stderr.reconfigure(encoding="ascii", errors="backslashreplace")  # pyright: ignore


def terminal(columns: int) -> None:
    """Standard error is a terminal of so many columns, whose output goes where it went."""
    import fcntl
    import os
    import pty
    import struct
    import termios
    import threading

    log = os.dup(2)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.dup2(theirs, 2)

    def copy() -> None:
        while True:
            os.write(log, os.read(ours, 4096))

    threading.Thread(target=copy, daemon=True).start()


def streams_gone() -> None:
    """Standard error is closed, and standard output on a full disk."""
    import os
    import sys

    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    os.close(full)
    os.close(2)
    sys.stderr = None


def stranger(temporary: str) -> None:
    """A user without a home or an entry in the list of users; files stay those of who started it.

    Its temporary files are below `temporary`.
    """
    import ctypes
    import os
    import tempfile
    from pathlib import Path

    uid, gid = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(0x10000000) != 0:  # CLONE_NEWUSER
        raise OSError("a user namespace is not to be had")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"54321 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"54321 {gid} 1")
    for name in ("HOME", "USER", "LOGNAME", "JAXDL_CACHE_DIR"):
        os.environ.pop(name, None)
    os.environ["TMPDIR"], tempfile.tempdir = temporary, None
