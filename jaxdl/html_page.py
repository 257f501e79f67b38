"""Pages of HTML that need no other file."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

KINDS = {".png": "image/png", ".gif": "image/gif", ".jpg": "image/jpeg"}
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222 }
body { margin: 2em auto; padding: 0 1em; max-width: 62em }
table { border-collapse: collapse; margin: .5em 0 1.5em; display: block; overflow-x: auto }
td, th { padding: .15em .8em .15em 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #999; font-weight: 600 }
.pass { color: #176d2c } .fail { color: #b3261e; font-weight: 600 }
code, pre { font-size: 13px; overflow-wrap: anywhere; white-space: pre-wrap }
figure { margin: 0 0 1.5em } img { max-width: 100%; height: auto }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of these parts, which are HTML; `title` is text."""
    return "\n".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            '<meta name=viewport content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            *parts,
            "",
        ]
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; a cell that says pass or fail has its color."""
    made = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = [f"<table><tr>{made}</tr>"]
    for row in rows:
        tones = (f" class={cell}" if cell in ("pass", "fail") else "" for cell in row)
        cells = [f"<td{tone}>{escape(cell)}</td>" for tone, cell in zip(tones, row, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])


def picture(data: bytes, kind: str, name: str) -> str:
    """A picture that is held in the page; `kind` is a suffix of `KINDS`."""
    text = base64.b64encode(data).decode()
    return f'<img alt="{escape(name)}" src="data:{KINDS[kind]};base64,{text}">'


def folded(title: str, content: str) -> str:
    """HTML that is shown when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def link(target: Path, folder: Path) -> str:
    """A link to a file, from a page in `folder`."""
    name = target.relative_to(folder).as_posix()
    return f'<a href="{escape(name)}">{escape(name)}</a>'
