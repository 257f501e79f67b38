"""`jaxdl bench`: the same training steps in jaxdl and in PyTorch, interleaved."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, check_one_of
from jaxdl.interop.bench.rows import WORKLOADS

ROUNDS = 5
WORSE = 1.1  # a ratio so many times as large as before is named
CORES = ("one", "all")

Say = Callable[[str], None]


def bench_against_torch(
    names: Sequence[str],
    *,
    cores: str = "all",
    rounds: int = ROUNDS,
    against: Path | None = None,
    out: Path | None = None,
    say: Say = print,
) -> int:
    """Prints a row a workload (default: all), and writes them to `out`; 1 where one got worse.

    Each side is a process of its own; a round is one burst of steps of each in turn. `cores` one
    pins both to a core and counts its time, all measures wall time. The ratio is that to torch's
    fastest form (eager, channels_last, compile): the median of the rounds, and their range.
    Raises UsageError for an unknown workload, and where torch is absent.
    """
    check_one_of("bench: --cores", cores, CORES)
    for name in names:
        check_one_of("bench: workload", name, WORKLOADS)
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError('bench compares with torch: pip install "jaxdl[torch]"') from None
    before = read_ratios(against)
    found, worse = {}, []
    say(f"| {'work (batch)':46} | jaxdl ms | torch ms | ratio (range) | memory |")
    say("|---|---|---|---|---|")
    for name in names or WORKLOADS:
        row = found[name] = measure(name, cores, rounds)
        say(table_row(name, row))
        if row["ratio"] > WORSE * before.get(name, float("inf")):
            worse.append(f"{name}: {before[name]:.2f} -> {row['ratio']:.2f}")
        if out is not None:
            out.write_text(json.dumps({"cores": cores, "rounds": rounds, "rows": found}, indent=2))
    for line in worse:
        say(f"slower than in {against}: {line}")
    return int(bool(worse))


def read_ratios(file: Path | None) -> dict[str, float]:
    """Workload -> ratio of an earlier `--out`."""
    if file is None:
        return {}
    try:
        rows = json.loads(file.read_text())["rows"]
        return {name: row["ratio"] for name, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"bench: --against {file} is no result of --out: {error!r}") from error


def measure(name: str, cores: str, rounds: int) -> dict[str, Any]:
    """Milliseconds a step of every side, the ratio to torch's fastest, and its range."""
    sides = ("jaxdl", *WORKLOADS[name].forms)
    core = "all" if cores == "all" else str(min(os.sched_getaffinity(0)))
    workers = {side: Worker(name, side, core) for side in sides}
    try:
        workers = {side: worker for side, worker in workers.items() if worker.wait()}
        seen = [{side: worker.round() for side, worker in workers.items()} for _ in range(rounds)]
    finally:
        for worker in workers.values():
            worker.end()
    clock = "wall" if cores == "all" else "cpu"
    times = {side: [row[side][clock] for row in seen] for side in workers}
    best = min(
        (side for side in workers if side != "jaxdl"), key=lambda s: statistics.median(times[s])
    )
    ratios = [a / b for a, b in zip(times["jaxdl"], times[best], strict=True)]
    each = 1e3 / WORKLOADS[name].steps
    return {
        "ms": {side: each * statistics.median(values) for side, values in times.items()},
        "best": best,
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "memory": seen[-1]["jaxdl"]["memory"] / max(seen[-1]["eager"]["memory"], 1),
    }


def table_row(name: str, row: dict[str, Any]) -> str:
    """A line of the table."""
    work, low, high = WORKLOADS[name], *row["range"]
    title = f"{name}: {work.title} ({work.batch})"
    return (
        f"| {title:46} | {row['ms']['jaxdl']:.2f} | {row['ms'][row['best']]:.2f} {row['best']} | "
        f"{row['ratio']:.2f} ({low:.2f}-{high:.2f}) | {row['memory']:.2f} |"
    )


class Worker:
    """A process that does a round of steps when it is told to."""

    def __init__(self, name: str, side: str, core: str) -> None:
        command = [sys.executable, "-m", "jaxdl.interop.bench.worker", name, side, core]
        self.side = side
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if side == "compile" else None,  # no compiler: a page of errors
            text=True,
        )

    def wait(self) -> bool:
        """Whether it is ready: torch.compile is not where no C++ compiler is."""
        if self._read():
            return True
        if self.side != "compile":
            raise UsageError(f"bench: the process of {self.side} ended; see its message above")
        self.end()
        return False

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
