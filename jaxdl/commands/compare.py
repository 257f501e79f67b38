"""`jaxdl compare`: its arguments."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `jaxdl compare`."""
    parser.add_argument("config")
    parser.add_argument("--steps", type=int, default=100, help="how long both train")
    parser.add_argument("--full", action="store_true", help="train both to the config's end")
    parser.add_argument("--no-speed", action="store_true", help="leave the timing out")
    parser.add_argument("--out", type=Path, help="the folder (default: NAME_compare)")


def run_compare(
    args: argparse.Namespace, rest: list[str], name: str, make: Callable[[list[str]], Any]
) -> int:
    """Compares `make(flags)`, (experiment, config) of a config's name and further flags."""
    if args.steps < 1:
        raise UsageError(f"compare: --steps must be at least 1, got {args.steps}")
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError('compare needs torch: pip install "jaxdl[torch]"') from None
    from jaxdl.compare.run import compare

    return compare(
        make,
        [args.config, *rest],
        args.out or Path(f"{name}_compare"),
        steps=None if args.full else args.steps,
        speed=not args.no_speed,
    )
