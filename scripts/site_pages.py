"""Pages of the site that are made from the code: the first, the gallery, and the reference.

A hook of MkDocs (mkdocs.org, "Hooks"); `mkdocs build --strict` calls it.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from jaxdl.commands.list import domain, list_rows, told

ROOT = Path(__file__).parents[1]
SHOWN = 4  # numbers of a config in the gallery


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The reference in the menu: a page for each room of the house."""
    nav: Any = config.nav
    nav.append({"Reference": [{room: f"reference/{room}.md"} for room in rooms()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is generated."""
    pages = {"index.md": first_page(), "gallery.md": gallery(), "contributing.md": contributing()}
    pages |= {f"reference/{room}.md": reference(room) for room in rooms()}
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    return files


def rooms() -> list[str]:
    """The packages and modules directly below jaxdl that have something for others."""
    inside = {"__init__", "cli", "commands", "skeleton", "old_names"}
    found = {path.stem for path in (ROOT / "jaxdl").glob("*.py")}
    found |= {path.parent.name for path in (ROOT / "jaxdl").glob("*/__init__.py")}
    return sorted(found - inside)


def first_page() -> str:
    """The README, whose links start from docs/ here."""
    return moved((ROOT / "README.md").read_text())


def contributing() -> str:
    """CONTRIBUTING.md under the same roof."""
    return moved((ROOT / "CONTRIBUTING.md").read_text())


def moved(text: str) -> str:
    """A page of the checkout's root as one of docs/."""
    text = re.sub(r"\]\((docs/)", "](", text)
    return text.replace("](RESULTS.md)", "](gallery.md)").replace(
        "](CONTRIBUTING.md)", "](contributing.md)"
    )


def reference(room: str) -> str:
    """Every module of a room, by its docstrings."""
    top = ROOT / "jaxdl" / room
    paths = sorted(top.rglob("*.py")) if top.is_dir() else [top.with_suffix(".py")]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in paths
        if path.name != "__init__.py"
    ]
    return "\n".join([f"# jaxdl.{room}\n", *[f"::: {module}\n" for module in modules]])


def gallery() -> str:
    """Every config: what it runs on, what it measured, how long that took, and the command."""
    lines = [
        "# Gallery",
        "",
        "Every config with its measured numbers; `jaxdl list` prints the same. A config without a",
        "number has not been run yet.",
    ]
    rows = list_rows()
    for name in sorted({domain(row) for row in rows}):
        lines += [
            "",
            f"## {name}",
            "",
            "| command | data | measured | seconds |",
            "|---|---|---|---|",
        ]
        for row in rows:
            if domain(row) == name:
                seconds = f"{row['seconds']:.0f}" if row["seconds"] else ""
                cells = [f"`jaxdl run {row['config']}`", row["data"] or "", numbers(row), seconds]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def numbers(row: dict[str, Any]) -> str:
    """The first numbers of a result."""
    words = told(row).split(", ")
    return ", ".join([*words[:SHOWN], *(["..."] if len(words) > SHOWN else [])])
