"""`jaxdl new experiment NAME`: an experiment of one's own to begin with."""

import argparse
import keyword
from pathlib import Path

from jaxdl.checks import UsageError
from jaxdl.plain_file import write_whole

HELP = "write an experiment of your own: script, config and test"
SKELETON = "my_experiment"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is written, and under which name."""
    parser.add_argument("what", choices=["experiment"], help="what is begun")
    parser.add_argument("name", metavar="NAME", help="NAME.py, NAME.toml and test_NAME.py")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Writes three files into the current folder; raises UsageError where one is there."""
    name = args.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"new experiment: NAME must be a name in Python (my_net), got {name!r}")
    folder = Path(__file__).parents[1] / "skeleton"
    texts = {}
    for part in (f"{SKELETON}.py", f"{SKELETON}.toml", f"test_{SKELETON}.py"):
        path = Path(part.replace(SKELETON, name))
        if path.exists():
            raise UsageError(f"new experiment {name}: {path} is there already; choose another name")
        texts[path] = (folder / part).read_text().replace(SKELETON, name)
    for path, text in texts.items():
        write_whole(path, text)
    print(f"{', '.join(map(str, texts))} are written; run it: jaxdl run {name}.toml")
    return 0
