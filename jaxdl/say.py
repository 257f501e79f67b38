"""What a person should know of a choice that was made for them: one line on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache

_device: ContextVar[str] = ContextVar("_device", default="")


@cache
def say_once(line: str) -> None:
    """Prints a line on stderr, once a process."""
    with suppress(OSError):  # whether anybody reads it or not
        print(line, file=sys.stderr, flush=True)


@contextmanager
def introduced(device: str) -> Iterator[None]:
    """While it lasts, a data set that is opened is said on stderr: a run's first line.

    For a run whose loop is its own; `device` is what it computes on.
    """
    token = _device.set(device)
    try:
        yield
    finally:
        _device.reset(token)


def introduce(data: str) -> None:
    """Says what data a run has opened, where its first line is still to be said."""
    if device := _device.get():
        _device.set("")
        with suppress(OSError):
            print(f"{data}; on {device}", file=sys.stderr, flush=True)
