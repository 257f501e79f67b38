"""Several runs on one page: where their configs differ, what each measured, their curves."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from jaxdl.config import flatten, read_toml
from jaxdl.draw import Figure
from jaxdl.html_page import page, picture, table
from jaxdl.plain_file import write_whole
from jaxdl.runs.metrics_log import read_rows
from jaxdl.runs.run_page import facts, read_report

DRAWN = ("loss", "val_loss", "accuracy", "val_accuracy")
ABSENT = "–"


def write_side_by_side(folders: Sequence[Path], path: Path) -> Path:
    """Writes the page of runs that have ended; their folders name the columns."""
    reports = [read_report(folder) for folder in folders]
    names = [str(folder) for folder in folders]
    configs = [flatten(read_toml(folder / "config.toml")) for folder in folders]
    metrics = [report["metrics"] for report in reports]
    curves = draw(folders)
    title = " | ".join(dict.fromkeys(report["name"] for report in reports))
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(n)}: {escape(facts(r))}</p>" for n, r in zip(names, reports, strict=True)),
        "<h2>Configs differ in</h2>",
        table(["", *names], rows_of(configs, differing=True)),
        "<h2>Measured</h2>",
        table(["", *names], rows_of(metrics)),
        *(["<h2>Curves</h2>", picture(curves, ".png", "curves")] if curves else []),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page(title, parts))
    return path


def rows_of(tables: Sequence[dict], *, differing: bool = False) -> list[list[str]]:
    """A row a name, a column a table; with `differing` only of values that are not all the same."""
    names = dict.fromkeys(name for one in tables for name in one)
    rows = [[name, *(shown(one.get(name, ABSENT)) for one in tables)] for name in names]
    return [row for row in rows if not differing or len(set(row[1:])) > 1]


def shown(value: object) -> str:
    """Numbers in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw(folders: Sequence[Path]) -> bytes:
    """Each of `DRAWN` over the steps, a line a run, a PNG; nothing where no run has any."""
    logs = {str(folder): read_rows(folder / "metrics.jsonl") for folder in folders}
    wanted = [name for name in DRAWN if any(name in row for log in logs.values() for row in log)]
    if not wanted:
        return b""
    figure = Figure(1, len(wanted), size=(4.5 * len(wanted), 3.4))
    for axis, name in zip(figure.axes, wanted, strict=True):
        for run, log in logs.items():
            points = [(row["step"], row[name]) for row in log if name in row]
            axis.plot(*zip(*points, strict=True), label=run) if points else None
        axis.set(xlabel="step", title=name)
    figure.axes[0].legend(fontsize=7)
    return figure.png()
