"""Processes that do a round of work when they are told to, and what their times say."""

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError


class Worker:
    """A process whose program calls `serve`."""

    def __init__(self, command: Sequence[str], side: str) -> None:
        self.side = side
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if side == "compile" else None,  # no compiler: a page of errors
            text=True,
        )

    def wait(self) -> float:
        """Seconds of its first round; 0 where torch.compile finds no C++ compiler."""
        line = self._read()
        if line:
            return json.loads(line)
        if self.side != "compile":
            raise UsageError(f"bench: the process of {self.side} ended; see its message above")
        self.end()
        return 0.0

    def round(self) -> dict[str, float]:
        """Seconds of a round, by the wall clock and by the CPU's, and the peak memory."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self._read()
        if not line:
            raise UsageError(f"bench: the process of {self.side} ended in a round")
        return json.loads(line)

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def in_turn(
    commands: Mapping[str, Sequence[str]], rounds: int
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Side -> seconds of its first round; then, round by round, side -> what `Worker.round` gave.

    A side that did not start has no rounds.
    """
    workers = {side: Worker(command, side) for side, command in commands.items()}
    try:
        firsts = {side: worker.wait() for side, worker in workers.items()}
        ready = {side: worker for side, worker in workers.items() if firsts[side]}
        return firsts, [{s: w.round() for s, w in ready.items()} for _ in range(rounds)]
    finally:
        for worker in workers.values():
            worker.end()


def serve(setup: Callable[[], Callable[[], Any]]) -> None:
    """Does the work that `setup` makes once, then for every line that comes; says what it took."""
    work, before = setup(), forget_peak()
    began = time.perf_counter()
    work()  # compiles
    print(json.dumps(time.perf_counter() - began), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "memory": peak() - before}), flush=True)


def forget_peak() -> int:
    """Memory that this process has now, KiB; from here on `peak` counts anew, where Linux lets."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS") or peak()


def peak() -> int:
    """The most memory that this process has had, KiB."""
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _status(name: str) -> int:
    """A number of /proc/self/status; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0


def pin(core: str) -> None:
    """Keeps this process on one core, by its number, or on all."""
    if core != "all":
        os.sched_setaffinity(0, {int(core)})


def summarize(rounds: Sequence[dict[str, Any]], clock: str, steps: int) -> dict[str, Any]:
    """Milliseconds a step of every side, the first side's ratio to the fastest other, its range.

    A round is side -> what `Worker.round` gave, of so many `steps`; `clock` is wall or cpu.
    """
    times = {side: [row[side][clock] for row in rounds] for side in rounds[0]}
    ours, *others = times
    best = min(others, key=lambda side: statistics.median(times[side]))
    ratios = [a / b for a, b in zip(times[ours], times[best], strict=True)]
    plain, last = others[0], rounds[-1]
    return {
        "ms": {side: 1e3 / steps * statistics.median(values) for side, values in times.items()},
        "best": best,
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "memory": last[ours]["memory"] / max(last[plain]["memory"], 1),
    }
