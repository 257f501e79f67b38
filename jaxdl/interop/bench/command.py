"""`jaxdl bench`: which of its measurements is asked for."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `jaxdl bench`."""
    parser.add_argument(
        "work",
        nargs="*",
        help="workloads beside PyTorch's (default: all); data; boxes; steps CONFIG: its loop",
    )
    parser.add_argument("--cores", default="all", help="one (CPU time) or all (wall time)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved ones")
    parser.add_argument("--out", type=Path, help="also write the rows into this JSON file")
    parser.add_argument("--against", type=Path, help="an earlier --out: names what got slower")


def run_bench(args: argparse.Namespace, task_of: Callable[[str], Any]) -> int:
    """Prints what was measured; `task_of(config)` is the task of a config."""
    if args.rounds < 1:
        raise UsageError(f"bench: --rounds must be at least 1, got {args.rounds}")
    if args.work[:1] == ["data"]:
        from jaxdl.training.bench_data import bench_data

        print(bench_data(rounds=args.rounds))
        return 0
    if args.work[:1] == ["boxes"]:
        from jaxdl.detection.bench import bench_boxes

        print(bench_boxes(rounds=args.rounds))
        return 0
    if args.work[:1] == ["steps"]:
        if len(args.work) != 2:
            raise UsageError("bench steps: give a config; `jaxdl list` shows them")
        task = task_of(args.work[1])
        from jaxdl.training.bench import loop_against_steps

        print(loop_against_steps(task, rounds=args.rounds))
        return 0
    if args.work[:1] == ["serve"]:  # a process of `jaxdl compare`: steps of a round, a config
        _, steps, config = args.work
        from jaxdl.interop.bench.workers import serve
        from jaxdl.training.bench import looped

        serve(lambda: looped(task_of(config), int(steps)))
        return 0
    from jaxdl.interop.bench.against_torch import bench_against_torch

    return bench_against_torch(
        args.work,
        cores=args.cores,
        rounds=args.rounds,
        against=args.against,
        out=args.out,
    )
