"""Runs the notebooks of docs/notebooks from top to bottom, each in an empty folder.

    python scripts/run_notebooks.py                    every one; an error of a cell ends with 1
    python scripts/run_notebooks.py first_run --keep   puts the outputs into the notebook

It needs the extra docs: nbclient, ipykernel.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parents[1] / "docs/notebooks"
LARGEST = 150_000  # bytes of a notebook with its outputs
LONGEST = 300  # seconds of a cell


def main() -> int:
    """The exit code: 1 where a cell failed or a notebook has become too large."""
    known = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--keep", action="store_true", help="write the outputs into the notebook")
    args = parser.parse_args()
    if wrong := set(args.names) - set(known):
        parser.error(f"no notebook {', '.join(sorted(wrong))}; there are {', '.join(known)}")
    return max(run(FOLDER / f"{name}.ipynb", keep=args.keep) for name in args.names or known)


def run(path: Path, *, keep: bool) -> int:
    """Runs one notebook and says how long it took, how large it is, or what failed."""
    notebook = nbformat.read(path, as_version=4)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=LONGEST,
            resources={"metadata": {"path": folder}},
            coalesce_streams=True,  # a line that was rewritten is its last text
            record_timing=False,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return 1
    text = nbformat.writes(notebook) + "\n"
    print(f"{path.name}: {time.monotonic() - start:.0f} s, {len(text) / 1000:.0f} KB")
    if keep:
        path.write_text(text)
    if len(text) > LARGEST:
        print(
            f"{path.name}: larger than {LARGEST} bytes; make its pictures smaller", file=sys.stderr
        )
    return int(len(text) > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
