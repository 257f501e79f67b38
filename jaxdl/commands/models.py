"""`jaxdl models`: the networks that there are, what they cost, and whose weights they take."""

import argparse

from jaxdl.checks import unknown
from jaxdl.models.registry import list_models

HELP = "networks by name: parameters, FLOPs, whose weights they take"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which of them."""
    parser.add_argument("pattern", nargs="?", default="*", help="a shell pattern: 'resnet*'")


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints a line per model."""
    names = list_models(args.pattern) or list_models(f"*{args.pattern}*")
    if not names:
        raise unknown("models", args.pattern, list_models())
    from jaxdl.models.zoo_table import zoo_table

    print(zoo_table(names))
    return 0
