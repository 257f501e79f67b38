"""Runs the code of the documentation: README.md and docs/*.md, the blocks of a page in their order.

    python scripts/run_doc_blocks.py              every page; the first error of a page ends with 1
    python scripts/run_doc_blocks.py docs/rl.md

A block of Python runs in an empty folder, with the names of the blocks before it. Of a console
block each `jaxdl` command must exist, and so must the config that it runs; one below
`<!-- run -->` is run.
In the source of a page, unseen on it:

    <!-- before:
    code that makes what the next block takes as given
    -->
    <!-- not run: the reason why -->
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxdl.catalog import all_configs
from jaxdl.cli import COMMANDS

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^<!-- before:\n(?P<before>.*?)^-->$"
    r"|^(?:<!-- (?P<mark>run|not run: [^\n]+) -->\n+)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of a page: the line it begins at, its language, its mark, its text."""

    line: int
    kind: str
    mark: str
    code: str


def main(paths: list[str]) -> int:
    """The exit code: 1 where a block failed."""
    pages = [Path(path) for path in paths] or [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    if lost := [str(page) for page in pages if not page.is_file()]:
        print(f"no page {', '.join(lost)}", file=sys.stderr)
        return 2
    return max(run_page(page) for page in pages)


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page in their order, hidden ones too, which are Python."""
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["before"] is not None:
            found.append(Block(line, "python", "", match["before"]))
        else:
            found.append(Block(line, match["kind"], match["mark"] or "", match["code"]))
    return found


def run_page(page: Path) -> int:
    """Runs a page and says how many blocks of it ran, were checked and were left out."""
    names: dict[str, Any] = {"__name__": "__page__"}
    counts = {"run": 0, "checked": 0, "not run": 0}
    home, start = Path.cwd(), time.monotonic()
    blocks = blocks_of(page.read_text())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for block in blocks:
                counts[run_block(block, names)] += 1
        except Exception:
            print(f"{page.name}:{block.line}: this block is false:\n{block.code}", file=sys.stderr)
            traceback.print_exc(limit=-2)
            return 1
        finally:
            os.chdir(home)
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"{page.name}: {told}; {time.monotonic() - start:.0f} s", flush=True)
    return 0


def run_block(block: Block, names: dict[str, Any]) -> str:
    """What was done with a block; raises what it raises."""
    if block.mark.startswith("not run"):
        return "not run"
    if block.kind == "python":
        exec(compile(block.code, f"<block at line {block.line}>", "exec"), names)
        return "run"
    if block.mark == "run":
        subprocess.run(["bash", "-euc", block.code], check=True)
        return "run"
    check_commands(block.code)
    return "checked"


def check_commands(code: str) -> None:
    """Raises ValueError for a command that jaxdl has not, or a config that is not there."""
    for command, first in re.findall(r"^(?:\$ )?jaxdl ([a-z][\w-]*)(?: ([\w./-]+))?", code, re.M):
        if command not in COMMANDS:
            raise ValueError(f"jaxdl has no command {command}")
        if command == "run" and re.fullmatch(r"[a-z0-9_]+", first) and first not in all_configs():
            raise ValueError(f"jaxdl run {first}: there is no such config")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
