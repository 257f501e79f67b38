"""`report.html` of a run: what it was, what it measured, what it drew, in one file."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.config import flatten, read_toml
from jaxdl.html_page import KINDS, folded, link, page, picture, table
from jaxdl.plain_file import read_json, read_plain, write_whole

NAME = "report.html"
MOST = 8_000_000  # bytes of pictures in a page; further ones are links
FIRST = ("curves", "confusion", "mistakes")  # of the pictures
NOT_OF_THE_RUN = ("checkpoints", "best", "events", "weights", "predicted", "explained", "shown")
SPLITS = ("train", "val", "test")


def write_run_page(folder: Path) -> Path:
    """Writes `folder/report.html` from what the run has left in it."""
    report, files = read_report(folder), files_of(folder)
    parts = [
        f"<h1>{escape(report['name'])}</h1>",
        f"<p><code>{escape(report['command'])}</code><br>{escape(facts(report))}</p>",
        *(f"<p>{escape(line)}</p>" for line in notes(report)),
        "<h2>Measured</h2>",
        table(["", *SPLITS], measured(report["metrics"])),
        "<h2>Pictures</h2>",
        *figures(files, folder),
        "<h2>How it was run</h2>",
        folded("Config", table(["field", "value"], config_rows(folder))),
        folded("Environment", f"<pre>{escape(text_of(folder / 'environment.json'))}</pre>"),
        folded("Files", "<br>".join(link(path, folder) for path in files)),
    ]
    write_whole(folder / NAME, page(report["name"], parts))
    return folder / NAME


def read_report(folder: Path) -> dict[str, Any]:
    """`report.json` of a run. Raises UsageError where it has not ended."""
    try:
        return read_json(folder / "report.json")
    except FileNotFoundError:
        raise UsageError(f"report {folder}: no report.json; the run has not ended") from None


def facts(report: dict[str, Any]) -> str:
    """The experiment, the data, the length, and where it ran, in a line."""
    said = [report["experiment"]]
    if report.get("synthetic"):
        said.append(f"data: {report['data']}, made")
    elif data := flatten(report.get("config", {})).get("data.name"):
        said.append(f"data: {data}")
    if report.get("steps"):
        said.append(f"{report['steps']:,} steps")
    said.append(f"{report['seconds']['total']:.1f} s on {report['devices']} x {report['device']}")
    return "; ".join(said)


def notes(report: dict[str, Any]) -> list[str]:
    """What the rows were taken from and what was left out."""
    return [f"{role}: {line}" for role, lines in report.get("notes", {}).items() for line in lines]


def measured(metrics: dict[str, float]) -> list[list[str]]:
    """A row a metric, a column a split; what is of no split stands in the last one."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        split, _, rest = name.partition("_")
        split, rest = (split, rest) if split in SPLITS and rest else ("test", name)
        rows.setdefault(rest, {})[split] = f"{value:.4g}"
    return [[name, *(row.get(split, "") for split in SPLITS)] for name, row in rows.items()]


def figures(files: Sequence[Path], folder: Path) -> Iterator[str]:
    """The run's pictures, curves first, each with its name; beyond `MOST` bytes as links."""
    paths = [path for path in files if path.suffix in KINDS]
    rank = {name: i for i, name in enumerate(FIRST)}
    used = 0
    for path in sorted(paths, key=lambda path: (rank.get(path.stem, len(rank)), path)):
        used += path.stat().st_size
        inside = used <= MOST
        shown = picture(path.read_bytes(), path.suffix, path.stem) if inside else ""
        yield f"<figure>{shown}<figcaption>{link(path, folder)}</figcaption></figure>"


def files_of(folder: Path) -> list[Path]:
    """What the run has written for people, without checkpoints and the page itself."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return sorted(p for p in found if p.relative_to(folder).parts[0] not in NOT_OF_THE_RUN)


def config_rows(folder: Path) -> list[list[str]]:
    """Every field of the config."""
    path = folder / "config.toml"
    table_of = flatten(read_toml(path)) if path.exists() else {}
    return [[name, str(value)] for name, value in table_of.items()]


def text_of(path: Path) -> str:
    """A file's text, "" where there is none."""
    return read_plain(path).decode(errors="replace") if path.exists() else ""
