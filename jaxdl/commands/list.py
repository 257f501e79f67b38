"""`jaxdl list`: every config, its data set and its recorded result."""

import argparse
import json
import shutil
from typing import Any

from jaxdl.catalog import all_configs, home, results_root
from jaxdl.checks import unknown
from jaxdl.config import flatten, read_toml
from jaxdl.data.config import DataConfig, OwnData
from jaxdl.runs.records import spread
from jaxdl.runs.results import in_words, read_results

HELP = "every config, its data set and its measured result"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is listed, and how it is printed."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="only configs with all these in their name, experiment or data: detection, mnist, ...",
    )
    parser.add_argument("--json", action="store_true", help="all that is known, for programs")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints a line a config, those of a domain under its name, or all as JSON."""
    rows = list_rows()
    known = {part for row in rows for part in (domain(row), row["data"], row["config"]) if part}
    for word in args.words:
        if not any(has(row, word) for row in rows):
            raise unknown("list: word", word, known)
    rows = [row for row in rows if all(has(row, word) for word in args.words)]
    width = shutil.get_terminal_size((0, 0)).columns  # 0: no terminal, nothing is cut
    print(json.dumps(rows, indent=1) if args.json else to_text(rows, width))
    return 0


def domain(row: dict[str, Any]) -> str:
    """The folder of the experiment, or the script where it stands in no folder of those."""
    name = row["experiment"] or ""
    return name if name.endswith(".py") else name.rpartition(".")[0]


def has(row: dict[str, Any], word: str) -> bool:
    """Whether a word stands in what a config is called."""
    return word in f"{row['config']} {row['experiment']} {row['data']}"


def to_text(rows: list[dict[str, Any]], columns: int = 0) -> str:
    """A head line, then the configs of each domain, a line each, cut to so many columns."""
    width = max((len(row["config"]) for row in rows), default=0) + 2
    lines = [f"{'config':{width}}  {'data':14}  measured"]
    for name in sorted({domain(row) for row in rows}):
        lines += ["", name] if name else [""]
        for row in rows:
            if domain(row) == name:
                lines.append(f"  {row['config']:{width - 2}}  {row['data'] or '':14}  {told(row)}")
    return "\n".join(cut(line, columns) for line in lines)


def cut(line: str, columns: int) -> str:
    """A line that fits; 0 columns hold any."""
    fits = not columns or len(line) <= columns
    return line if fits else f"{line[: max(columns - 4, 0)].rstrip()} ..."[:columns]


def told(row: dict[str, Any]) -> str:
    """What a config measured, or what it waits for."""
    if row["metrics"]:
        return in_words(row["metrics"], row["headline"], row["spread"])
    return f"not yet run: needs {row['needs']}"


def needs(table: dict[str, Any], name: str) -> str:
    """What a config without a record waits for: what it says, its kind of data says, or a run."""
    if "needs" in table:
        return table["needs"]
    if issubclass(DataConfig.choose(table.get("data.name", "")), OwnData):
        return "your own data (--data.path)"
    return f"only a run (jaxdl run {name})"


def list_rows() -> list[dict[str, Any]]:
    """Every config with its experiment, data set and recorded metrics (None: not yet run)."""
    results = read_results(home()) | read_results(results_root())
    rows = []
    for name, path in all_configs().items():
        table = flatten(read_toml(path))
        recorded = results.get(name)
        rows.append(
            {
                "config": name,
                "experiment": table.get("experiment"),
                "data": table.get("data.name"),
                "metrics": recorded["metrics"] if recorded else None,
                "headline": recorded["headline"] if recorded else None,
                "spread": spread(recorded) if recorded else None,
                "published": recorded.get("published") if recorded else None,
                "needs": None if recorded else needs(table, name),
                "seconds": recorded["seconds"]["total"] if recorded else None,
                "device": recorded["device"] if recorded else None,
            }
        )
    return rows
