"""`compare.html`: one file that needs no other."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from jaxdl.draw import Figure
from jaxdl.html_page import page, picture, table


def write_page(record: dict[str, Any], path: Path) -> Path:
    """Writes the record of a comparison as a page."""
    word = "agree" if record["agree"] else "differ"
    tone = "pass" if record["agree"] else "fail"
    test = record["test"]
    parts = [
        f"<h1>jaxdl and PyTorch <span class={tone}>{word}</span></h1>",
        f"<p><code>{escape(record['command'])}</code><br>jax {escape(record['versions']['jax'])}, "
        f"torch {escape(record['torch'])}, {escape(record['device'])}, "
        f"{record['cores']} cores</p>",
        *(f"<p>Without {escape(name)}, which the twin has not.</p>" for name in record["without"]),
        table(
            ["verdict", "of", ""], [[v["state"], v["name"], v["words"]] for v in record["verdicts"]]
        ),
        picture(draw(record["curves"]), ".png", "losses"),
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
    path.write_text(page(record["command"], parts), encoding="utf-8")
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


def draw(curves: dict[str, list[float]]) -> bytes:
    """Both losses over the steps, a PNG."""
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
    return figure.png()
