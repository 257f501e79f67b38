"""`jaxdl bench`: the same training steps in jaxdl and in PyTorch, interleaved."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxdl.bench.worker_pool import in_turn, summarize
from jaxdl.bench.workloads import WORKLOADS
from jaxdl.checks import UsageError, check_one_of

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
    """What `summarize` makes of the rounds of one workload."""
    work = WORKLOADS[name]
    core = "all" if cores == "all" else str(min(os.sched_getaffinity(0)))
    command = [sys.executable, "-m", "jaxdl.bench.worker", name]
    sides = ("jaxdl", *work.forms)
    _, seen = in_turn({side: [*command, side, core] for side in sides}, rounds)
    return summarize(seen, "wall" if cores == "all" else "cpu", work.steps)


def table_row(name: str, row: dict[str, Any]) -> str:
    """A line of the table."""
    work, low, high = WORKLOADS[name], *row["range"]
    title = f"{name}: {work.title} ({work.batch})"
    return (
        f"| {title:46} | {row['ms']['jaxdl']:.2f} | {row['ms'][row['best']]:.2f} {row['best']} | "
        f"{row['ratio']:.2f} ({low:.2f}-{high:.2f}) | {row['memory']:.2f} |"
    )
