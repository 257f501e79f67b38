"""The table of a search and its picture: a line, a heat map, points, or parallel coordinates."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.draw import Figure
from jaxdl.search.space import Setting
from jaxdl.typing import Numbers

SHOWN = 10  # rows that the terminal gets


@dataclass(frozen=True)
class Row:
    """One setting: its numbers, or the step at which it failed."""

    place: int
    setting: Setting
    numbers: Numbers
    bad_step: int | None

    def flat(self) -> dict[str, Any]:
        """As a row of a table."""
        status = "ok" if self.bad_step is None else f"diverged at step {self.bad_step}"
        values = {name: _number(text) for name, text in self.setting.items()}
        return {"trial": self.place, **values, "status": status, **self.numbers}


def smaller_is_better(name: str) -> bool:
    """Of losses and errors."""
    return "loss" in name or "error" in name


def rank(rows: Sequence[Row], by: str = "") -> tuple[list[int], str]:
    """(places of the rows that came to their end, best first; the number that they are ranked by).

    Default: `val_accuracy` where there is one, else the first validation number. Of equals the
    smaller `val_loss` comes first, then the earlier trial.
    """
    ended = [row for row in rows if row.bad_step is None]
    if not ended:
        return [], by
    known = [name for name in ended[0].numbers if name.startswith("val_")]
    known = [name for name in known if not name.endswith("_std")]
    if by and by not in known:
        raise UsageError(f"--by: there is no {by}; the evaluation has {', '.join(known)}")
    by = by or ("val_accuracy" if "val_accuracy" in known else known[0])
    sign = 1 if smaller_is_better(by) else -1

    def key(row: Row) -> tuple[float, float, int]:
        return sign * row.numbers[by], row.numbers.get("val_loss", 0.0), row.place

    return [row.place for row in sorted(ended, key=key)], by


def write_table(folder: Path, rows: Sequence[Row], order: Sequence[int]) -> None:
    """`table.json` and `table.csv`, in the order of the trials, each with its rank."""
    ranks = {place: i for i, place in enumerate(order, 1)}
    flat = [{**row.flat(), "rank": ranks.get(row.place)} for row in rows]
    (folder / "table.json").write_text(json.dumps(flat, indent=1) + "\n")
    names = list(dict.fromkeys(name for row in flat for name in row))
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(flat)


def show_table(rows: Sequence[Row], order: Sequence[int], by: str) -> str:
    """The best rows, best first, and how many failed."""
    names = list(rows[0].setting)
    numbers = list(dict.fromkeys([by, f"{by}_std", "val_loss", "train_loss"]))
    numbers = [n for n in numbers if order and n in rows[order[0]].numbers]
    cells = [["trial", *names, *numbers]]
    for place in order[:SHOWN]:
        row = rows[place]
        values = [f"{row.numbers[name]:.4f}" for name in numbers]
        cells.append([str(place), *(row.setting[name] for name in names), *values])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in cells]
    if len(order) > SHOWN:
        lines.append(f"... and {len(order) - SHOWN} more in table.csv")
    failed = [row for row in rows if row.bad_step is not None]
    if failed:
        lines.append(f"{len(failed)} of {len(rows)} diverged, trial {failed[0].place} first")
    return "\n".join(lines)


def draw_search(rows: Sequence[Row], order: Sequence[int], by: str, names: Sequence[str]) -> Figure:
    """One name: a line; two: a heat map of a grid, or points; more: parallel coordinates."""
    ended = [rows[place] for place in order]
    if len(names) == 1:
        return _draw_line(ended, by, names[0])
    if len(names) == 2:
        ticks = [_ticks(rows, name) for name in names]
        full = len(ticks[0]) * len(ticks[1]) == len(rows)
        return _draw_heat(ended, by, names, ticks) if full else _draw_points(ended, by, names)
    return _draw_parallel(ended, by, names)


def _draw_line(rows: Sequence[Row], by: str, name: str) -> Figure:
    figure = Figure(size=(5, 3.4))
    (axis,) = figure.axes
    values = _values(rows, name)
    order = np.argsort(values)
    axis.plot(values[order], _scores(rows, by)[order], marker="o")
    axis.set(xlabel=name, ylabel=by, xscale=_scale(values))
    axis.grid(alpha=0.3)
    return figure


def _draw_heat(rows: Sequence[Row], by: str, names: Sequence[str], ticks: list[Any]) -> Figure:
    table = np.full((len(ticks[0]), len(ticks[1])), np.nan)
    for row in rows:
        i, j = (ticks[k].index(row.setting[name]) for k, name in enumerate(names))
        table[i, j] = row.numbers[by]
    figure = Figure(size=(0.75 * len(ticks[1]) + 2.2, 0.5 * len(ticks[0]) + 1.6))
    (axis,) = figure.axes
    # Colors tell the good ones apart: what lies far below is all of one color.
    low, high = _color_range(table, by)
    axis.imshow(
        table, cmap="viridis" + "_r" * smaller_is_better(by), aspect="auto", vmin=low, vmax=high
    )
    axis.set_xticks(range(len(ticks[1])), ticks[1], rotation=45)
    axis.set_yticks(range(len(ticks[0])), ticks[0])
    axis.set(xlabel=names[1], ylabel=names[0], title=by)
    for (i, j), value in np.ndenumerate(table):
        text = "failed" if np.isnan(value) else f"{value:.3g}"
        axis.text(
            j, i, text, ha="center", va="center", fontsize=7, color=_ink(value, low, high, by)
        )
    return figure


def _draw_points(rows: Sequence[Row], by: str, names: Sequence[str]) -> Figure:
    figure = Figure(size=(5.4, 4))
    (axis,) = figure.axes
    x, y = (_values(rows, name) for name in names)
    low, high = _color_range(_scores(rows, by), by)
    points = axis.scatter(
        x,
        y,
        c=_scores(rows, by),
        cmap="viridis" + "_r" * smaller_is_better(by),
        vmin=low,
        vmax=high,
    )
    figure.figure.colorbar(points, label=by)
    axis.set(xlabel=names[0], ylabel=names[1], xscale=_scale(x), yscale=_scale(y))
    return figure


def _draw_parallel(rows: Sequence[Row], by: str, names: Sequence[str]) -> Figure:
    """One line per trial through an axis for each name and one for the score; the best on top."""
    figure = Figure(size=(1.6 * len(names) + 3, 4))
    (axis,) = figure.axes
    columns = [*(_values(rows, name) for name in names), _scores(rows, by)]
    scaled = np.array([_share(column) for column in columns])
    good = _share(_scores(rows, by))
    good = 1 - good if smaller_is_better(by) else good
    from matplotlib import colormaps

    for i in reversed(range(len(rows))):
        axis.plot(scaled[:, i], color=colormaps["viridis"](good[i]), alpha=0.25 + 0.75 * good[i])
    for k, column in enumerate(columns):
        axis.axvline(k, color="black", linewidth=0.8)
        for value, height in ((column.min(), -0.02), (column.max(), 1.02)):
            below = "top" if height < 0 else "bottom"
            axis.text(k, height, f"{value:.3g}", ha="center", va=below, fontsize=8)
    axis.set_xticks(range(len(columns)), [*names, by])
    axis.set_yticks([])
    axis.set_ylim(-0.1, 1.1)
    return figure


def _ink(value: float, low: float, high: float, by: str) -> str:
    """The color of a number on its cell: black on the bright cells of the best."""
    if np.isnan(value):
        return "red"
    share = (value - low) / max(high - low, 1e-12)
    return "black" if (1 - share if smaller_is_better(by) else share) > 0.6 else "white"


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value == int(value) and text.lstrip("+-").isdigit() else value


def _ticks(rows: Sequence[Row], name: str) -> list[str]:
    """The values of a name in the order in which they were given."""
    return list(dict.fromkeys(row.setting[name] for row in rows))


def _values(rows: Sequence[Row], name: str) -> np.ndarray:
    """The values of a name as numbers, or their places where they are words."""
    numbers = [_number(row.setting[name]) for row in rows]
    if any(isinstance(value, str) for value in numbers):
        known = sorted({str(value) for value in numbers})
        numbers = [known.index(str(value)) for value in numbers]
    return np.array(numbers, float)


def _scores(rows: Sequence[Row], by: str) -> np.ndarray:
    return np.array([row.numbers[by] for row in rows], float)


def _scale(values: np.ndarray) -> str:
    """log for numbers over more than a decade; with a zero among them its part near 0 is linear."""
    positive = values[values > 0]
    if len(positive) < 2 or positive.max() < 10 * positive.min():
        return "linear"
    return "log" if (values > 0).all() else "symlog"


def _share(values: np.ndarray) -> np.ndarray:
    """Where each value stands between the least (0) and the largest (1), on its scale."""
    if _scale(values) == "log":
        values = np.log(values)
    span = np.ptp(values) if len(values) else 0.0
    return (values - values.min()) / span if span else np.full(len(values), 0.5)


def _color_range(scores: np.ndarray, by: str) -> tuple[float, float]:
    """From the median of the scores to the best one."""
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return 0.0, 1.0
    middle = float(np.median(finite))
    return (float(finite.min()), middle) if smaller_is_better(by) else (middle, float(finite.max()))
