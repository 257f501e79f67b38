"""`jaxdl list`: every config, its data set and its recorded result."""

import argparse
import json
from pathlib import Path
from typing import Any

from jaxdl.config import flatten, read_toml
from jaxdl.experiment import find_checkout, find_configs
from jaxdl.runs.results import headline, read_results

HELP = "every config, its data set and its measured result"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it is printed."""
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints a line a config, or all as JSON."""
    rows = list_rows(find_checkout())
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    width = max((len(row["config"]) for row in rows), default=0)
    for row in rows:
        result = headline(row["metrics"]) if row["metrics"] else "not yet run"
        print(f"{row['config']:{width}}  {row['data'] or '':14}  {result}")
    return 0


def list_rows(root: Path) -> list[dict[str, Any]]:
    """Every config with its experiment, data set and recorded metrics (None: not yet run)."""
    results = read_results(root)
    rows = []
    for name, path in find_configs(root).items():
        table = flatten(read_toml(path))
        recorded = results.get(name)
        rows.append(
            {
                "config": name,
                "experiment": table.get("experiment"),
                "data": table.get("data.name"),
                "metrics": recorded["metrics"] if recorded else None,
                "seconds": recorded["seconds"]["total"] if recorded else None,
                "device": recorded["device"] if recorded else None,
            }
        )
    return rows
