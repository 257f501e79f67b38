"""SIGTERM, Ctrl-C and their kind: a wish that the loop grants when a chunk ends, or a way out.

Batch systems announce the end of a job's time with SIGUSR1, SIGUSR2 or SIGXCPU, a terminal that
closes with SIGHUP, which stays ignored where it was (`nohup`).

Python runs a signal's handler only between two instructions of the main thread, which may be inside
a long compilation or a write to a dead disk. A second thread therefore reads the signals' numbers
from a pipe, and ends the process where the loop does not.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

GRACE = 25.0  # seconds; 30 are promised
KINDS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C, as an exception."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.code = 128 + signum


def _handle(note: Callable[[int, Any], None]) -> dict[int, Any]:
    """Has `note` called for each kind of signal; returns what was done with them before."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    kinds = [kind for kind in KINDS if kind != signal.SIGHUP or not ignored]
    return {kind: signal.signal(kind, note) for kind in kinds}


@contextmanager
def terminable() -> Iterator[None]:
    """While it is open, a signal raises Terminated, as Ctrl-C raises KeyboardInterrupt.

    Some library's callback may swallow the exception: the loop then finds it in `Signals.early`,
    and Python's note of it, a traceback, is not shown.
    """

    def note(signum: int, frame: object) -> None:
        Signals.early = Signals.early or signum
        raise KeyboardInterrupt if signum == signal.SIGINT else Terminated(signum)

    def show(unraisable: "sys.UnraisableHookArgs") -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook(unraisable)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handle(note)
    hook, sys.unraisablehook = sys.unraisablehook, show
    try:
        yield
    finally:
        Signals.early, sys.unraisablehook = None, hook
        for kind, handler in before.items():
            signal.signal(kind, handler)


class Signals:
    """While it is open, `signum` is the signal that asks for the end, or None.

    After `GRACE` seconds, or at once on a second Ctrl-C, the process ends as if it had been
    killed, which loses nothing that was saved. `say` gets one line when a signal comes. Does
    nothing outside the main thread.
    """

    early: int | None = None  # the signal that came before the loop
    farewell = ""  # what a process that ends without its loop still has to say

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.signum: int | None = self.early

    def __enter__(self) -> "Signals":
        self.active = threading.current_thread() is threading.main_thread()
        if not self.active:
            return self
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wakeup = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        self.before = _handle(self._note)
        self.watcher = threading.Thread(target=self._watch, name="signals", daemon=True)
        self.watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.active:
            return
        for each, handler in self.before.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(self.wakeup)
        os.close(self.writer)  # the watcher reads the end of the pipe and stops
        self.watcher.join()
        os.close(self.reader)

    def _note(self, signum: int, frame: object) -> None:
        self.signum = self.signum or signum

    def _watch(self) -> None:
        seen: list[int] = []
        deadline = None
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            if not select.select([self.reader], [], [], left)[0]:
                self._leave(seen[0], "the loop did not answer in time")
            numbers = os.read(self.reader, 64)
            if not numbers:
                return
            for signum in (n for n in numbers if n in KINDS):
                seen.append(signum)
                if len(seen) > 1 and signum == signal.SIGINT:
                    self._leave(signum, "stopped at once")
                if deadline is None:
                    deadline = time.monotonic() + GRACE
                    self.say(f"{signal.Signals(signum).name}: finishing the chunk and saving")

    def _leave(self, signum: int, why: str) -> None:
        words = f"\n{why}; what was saved stands. {self.farewell}".rstrip() + "\n"
        try:
            os.write(sys.stderr.fileno(), words.encode())
        finally:
            os._exit(128 + signum)
