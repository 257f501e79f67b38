"""The last lines of a run: what there is to look at, and the commands that go on from it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from jaxdl.html_page import KINDS
from jaxdl.runs.run_page import NAME, files_of

MOST = 5  # pictures with a line of their own


def to_open(folder: Path, commands: Sequence[str] = ()) -> str:
    """A line for each thing that the run in `folder` has left for people.

    `commands`: further ones, in which RUN stands for the folder, of a run that kept its model.
    """
    pictures = [path for path in files_of(folder) if path.suffix in KINDS]
    pictures.sort(key=lambda path: (path.stem != "curves", len(path.parts), path))
    shown = [folder / NAME, *pictures[:MOST]]
    lines = [str(path) for path in shown if path.exists()]
    if len(pictures) > MOST:
        lines.append(f"{len(pictures) - MOST} more pictures, all in {NAME}")
    run = shlex.quote(str(folder))
    if (folder / "events").is_dir():
        lines.append(f"tensorboard --logdir {run}")
    if (folder / "checkpoints").is_dir():
        lines += [command.replace("RUN", run) for command in commands]
    return "\n".join(["to open:", *(f"  {line}" for line in lines)])
