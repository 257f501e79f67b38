"""`jaxdl doctor`: versions, devices, caches, incompatible versions, and what killed runs left."""

import argparse
from pathlib import Path

from jaxdl.cache import cache_dir, data_dir
from jaxdl.runs.environment import describe, versions
from jaxdl.runs.lock import NAME as LOCK
from jaxdl.runs.lock import holder

HELP = "versions, devices, caches, incompatible versions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints the report; 1 where something is wrong."""
    report, healthy = examine(Path("runs"))
    print(report)
    return 0 if healthy else 1


def examine(runs: Path) -> tuple[str, bool]:
    """(report, whether nothing is wrong) of this installation and the run folders under `runs`."""
    about = describe()
    lines = [f"{name} {version}" for name, version in about["versions"].items()]
    lines.append(f"devices: {about['devices']} x {about['device']}, {about['cores']} cores")
    lines.append(f"prepared data sets: {data_dir()}" + _names(data_dir()))
    lines.append(f"cache: {cache_dir()} ({_size(cache_dir()) / 1e6:.0f} MB)")
    lines += left_behind(runs)
    problems = bad_pairs(versions())
    lines += [f"PROBLEM: {problem}" for problem in problems] or ["no known problem"]
    return "\n".join(lines), not problems


def bad_pairs(found: dict[str, str]) -> list[str]:
    """Combinations of versions that are known not to work."""
    problems = []
    if found.get("jax", "").split(".")[:2] != found.get("jaxlib", "").split(".")[:2]:
        problems.append(f"jax {found.get('jax')} and jaxlib {found.get('jaxlib')} must match")
    if not found.get("orbax-checkpoint", "0.12.").startswith("0.12."):
        problems.append("orbax-checkpoint must be 0.12.x (>= 0.12.3): its interface changes after")
    return problems


def left_behind(runs: Path) -> list[str]:
    """A line for everything that killed processes left, and what to do about it."""
    from jaxdl.data.tfds.decoded import stale_parts
    from jaxdl.runs.checkpoint import leftovers

    lines = []
    for folder in sorted(path.parent for path in runs.glob("*/*/config.toml")):
        who = holder(folder)
        if who is not None:
            lines.append(f"running: {folder}, by {who}")
            continue
        left = [path for name in ("checkpoints", "best") for path in leftovers(folder / name)]
        left += sorted([*folder.glob("*.part"), *folder.glob(LOCK)])
        lines += [f"left behind: {path} (the next --resume cleans it up)" for path in left]
        aside = sorted(folder.glob("*/aside-*"))
        lines += [f"moved aside: {path} (delete it if you do not need it)" for path in aside]
    parts = stale_parts()
    return lines + [f"left behind: {path} (the next decoding deletes it)" for path in parts]


def _names(folder: Path) -> str:
    found = sorted(path.name for path in folder.glob("*") if path.is_dir())
    return f" ({', '.join(found)})" if found else " (none)"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
