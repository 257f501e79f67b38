"""`jaxdl bench --device`: all that is worth knowing of an accelerator, within minutes."""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jaxdl.bench.accelerator.quality import quality_runs
from jaxdl.bench.accelerator.rows import Row, all_rows
from jaxdl.bench.accelerator.side import Side
from jaxdl.bench.accelerator.table import markdown, table_row

SECONDS = 420  # of it all
RUN_SECONDS = 80  # of them for the runs with an accuracy
PATIENCE = 120.0  # seconds for one form of a row to compile
LEAST = 5.0  # below which no row is begun
ROUNDS, ROUND_SECONDS = 3, 0.4
Say = Callable[[str], None]


def bench_device(
    *,
    tiny: bool = False,
    seconds: float = SECONDS,
    only: tuple[str, ...] = (),
    out: Path | None = None,
    data: Path | None = None,
    say: Say = print,
) -> int:
    """Prints a line for each row, and writes what there is so far to `out` (and `out`.md).

    What fails is said in its row, and the next one goes on; what `seconds` do not reach is left
    out. `only` takes the rows whose names begin so; `data` has mnist.npz and cifar10.npz for the
    runs that end with an accuracy. 1 where jaxdl's side of a row failed.
    """
    began = time.monotonic()
    left = lambda: seconds - (time.monotonic() - began)  # noqa: E731
    note = lambda line: say(f"{seconds - left():4.0f} s {line}")  # noqa: E731
    runs = None if only else data
    report: dict[str, Any] = {"device": {}, "rows": {}, "quality": {}, "left_out": []}
    rows = [row for row in all_rows(tiny) if not only or row.name.startswith(only)]
    kept = RUN_SECONDS if runs and not tiny else 0
    for line in measured_rows(rows, report, lambda: left() - kept, tiny=tiny):
        save(report, out)
        note(line)
    if runs is not None:
        for name, result in quality_runs(runs, tiny, left):
            report["quality"][name] = result
            save(report, out)
            note(f"{name}: {result}")
    report["seconds"] = round(seconds - left())
    save(report, out)
    failed = [name for name, row in report["rows"].items() if "jaxdl" in row["errors"]]
    say(f"{report['seconds']} s; failed: {failed or 'none'}; left out: {report['left_out']}")
    return int(bool(failed))


def measured_rows(
    rows: Sequence[Row], report: dict[str, Any], left: Callable[[], float], *, tiny: bool
) -> Iterator[str]:
    """Puts the device and row after row into the report; a line of the table for each."""
    sides = {name: Side(name) for name in ("jaxdl", "torch")}
    try:
        for side in sides.values():
            side.send(do="setup", make="device", form="", options={})
        for side in sides.values():
            report["device"][f"{side.name}_side"] = side.receive(min(PATIENCE, left()))
        yield f"device: {report['device']}"
        for row in rows:
            if left() < LEAST:
                report["left_out"].append(row.name)
                continue
            long = 0.0 if tiny else ROUND_SECONDS
            measured = measure(row, sides, min(PATIENCE, left()), long)
            report["rows"][row.name] = asdict(row) | measured
            yield table_row(report["rows"][row.name])
    finally:
        for side in sides.values():
            side.end()


def save(report: dict[str, Any], out: Path | None) -> None:
    """The report as JSON, and as a Markdown table beside it."""
    if out is not None:
        out.write_text(json.dumps(report, indent=1))
        out.with_suffix(".md").write_text(markdown(report))


def measure(row: Row, sides: dict[str, Side], patience: float, seconds: float) -> dict[str, Any]:
    """Milliseconds of a unit of each form (median of rounds in turn), the ratio, what failed."""
    seen: dict[str, Any] = {"ms": {}, "first": {}, "facts": {}, "errors": {}}
    forms = [("jaxdl", sides["jaxdl"]), *((form, sides["torch"]) for form in row.forms)]
    take_turns(row, forms, patience, seconds, seen)
    others = {form: ms for form, ms in seen["ms"].items() if form != "jaxdl"}
    if others and "jaxdl" in seen["ms"]:
        seen["best"] = min(others, key=lambda form: others[form])
        seen["ratio"] = seen["ms"]["jaxdl"] / others[seen["best"]]
    return seen


def take_turns(
    row: Row, forms: list[tuple[str, Side]], patience: float, seconds: float, seen: dict[str, Any]
) -> None:
    """Sets all forms up, at once on both sides; then rounds of each in turn; then forgets them."""
    ready = set_up(row, forms, patience, seen)
    times: dict[str, list[float]] = {form: [] for form, _ in ready}
    for _ in range(ROUNDS):
        for form, side in ready:
            answer = side.ask(patience, do="round", form=form, seconds=seconds)
            if "error" in answer:
                seen["errors"][form] = answer["error"]
            else:
                times[form].append(answer["ms"])
    seen["ms"] = {form: statistics.median(values) for form, values in times.items() if values}
    for side in {side.name: side for _, side in forms}.values():
        side.ask(patience, do="drop")


def set_up(
    row: Row, forms: list[tuple[str, Side]], patience: float, seen: dict[str, Any]
) -> list[tuple[str, Side]]:
    """The forms that did their work once; how long that took, and what the others say."""
    for form, side in forms:
        side.send(do="setup", make=row.make, form=form, options=row.options)
    ready, until = [], time.monotonic() + patience
    for form, side in forms:
        before = side.process
        answer = side.receive(until - time.monotonic())
        if side.process is not before:  # what this process had made is lost with it
            ready = [(name, other) for name, other in ready if other is not side]
        if "error" in answer:
            seen["errors"][form] = answer["error"]
        else:
            seen["first"][form] = answer.pop("first")
            seen["facts"] |= answer
            ready.append((form, side))
    return ready
