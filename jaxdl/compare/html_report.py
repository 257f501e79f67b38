"""`compare.html`: one file that needs no other."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from jaxdl.draw import Figure

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 62em; color: #222 }
table { border-collapse: collapse; margin: .5em 0 1.5em }
td, th { padding: .15em .8em .15em 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #999; font-weight: 600 }
.pass { color: #176d2c } .fail { color: #b3261e; font-weight: 600 }
code { font-size: 13px } img { max-width: 100% }
"""


def write_page(record: dict[str, Any], path: Path) -> Path:
    """Writes the record of a comparison as a page."""
    word = "agree" if record["agree"] else "differ"
    tone = "pass" if record["agree"] else "fail"
    test = record["test"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(record['command'])}</title><style>{STYLE}</style>",
        f"<h1>jaxdl and PyTorch <span class={tone}>{word}</span></h1>",
        f"<p><code>{escape(record['command'])}</code><br>jax {escape(record['versions']['jax'])}, "
        f"torch {escape(record['torch'])}, {escape(record['device'])}, "
        f"{record['cores']} cores</p>",
        *(f"<p>Without {escape(name)}, which the twin has not.</p>" for name in record["without"]),
        table(
            ["verdict", "of", ""], [[v["state"], v["name"], v["words"]] for v in record["verdicts"]]
        ),
        f'<img alt="losses" src="data:image/png;base64,{draw(record["curves"])}">',
        f"<h2>After {record['steps']} steps</h2>",
        table(
            ["", "test accuracy", "test loss"],
            [[side, f"{v['accuracy']:.2%}", f"{v['loss']:.4f}"] for side, v in test.items()],
        ),
        *speed_part(record.get("speed")),
        *section("Settings that differ", record["settings"], ["where", "name", "ours", "theirs"]),
        *section(
            "Outputs of layers", record["layers"], ["ours", "theirs", "shape", "apart", "rounding"]
        ),
        *section("Gradients", record["gradients"], ["name", "shape", "apart", "rounding"]),
        *section("Updates by the same gradients", record["updates"], ["number", "name", "apart"]),
        *section("Parameters after 20 steps", record["parameters"], ["name", "shape", "apart"]),
        *section("At the end", record["parameters_at_end"], ["name", "shape", "apart"]),
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def speed_part(speed: dict[str, Any] | None) -> list[str]:
    """Times and memory of both sides."""
    if speed is None:
        return []
    low, high = speed["range"]
    rows = [
        [
            side,
            f"{ms:.2f}",
            f"{speed['examples_per_s'][side]:.0f}",
            f"{speed['first_step_s'][side]:.1f}",
            f"{speed['memory_mib'][side]:.0f}",
        ]
        for side, ms in speed["ms"].items()
    ]
    heads = ["", "ms a step", "examples/s", "first round, s (with compiling)", "memory, MiB"]
    return [
        "<h2>Speed</h2>",
        table(heads, rows),
        f"<p>jaxdl / torch: {speed['ratio']:.2f} ({low:.2f} to {high:.2f} over the rounds), each a "
        "process of its own, in turn. jaxdl's step prepares its batch, torch's is given one.</p>",
    ]


def section(title: str, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """A heading and the rows' fields of these names; nothing without rows."""
    if not rows:
        return []
    return [
        f"<h2>{title}</h2>",
        table(names, [[shown(row[name]) for name in names] for row in rows]),
    ]


def shown(value: Any) -> str:
    """Numbers in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a cell that says pass or fail has its color."""
    made = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = [f"<table><tr>{made}</tr>"]
    for row in rows:
        tones = (f" class={cell}" if cell in ("pass", "fail") else "" for cell in row)
        cells = [f"<td{tone}>{escape(cell)}</td>" for tone, cell in zip(tones, row, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])


def draw(curves: dict[str, list[float]]) -> str:
    """Both losses over the steps, as base64 of a PNG."""
    figure = Figure(1, 2, size=(9, 3.2))
    left, right = figure.axes
    for (side, losses), style in zip(curves.items(), ("-", "--"), strict=True):
        left.plot(range(1, len(losses) + 1), losses, style, label=side)
    left.set(xlabel="step", ylabel="loss")
    left.legend()
    own, other = curves.values()
    gaps = [max(abs(a - b), 1e-9) for a, b in zip(own, other, strict=True)]
    right.plot(range(1, len(gaps) + 1), gaps, color="tab:red")
    right.set(xlabel="step", ylabel="difference of the losses", yscale="log")
    buffer = io.BytesIO()
    figure.figure.savefig(buffer, dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()
