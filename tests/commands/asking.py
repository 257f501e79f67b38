"""A command without the command line around it: its arguments read, then done."""

import argparse
from types import ModuleType


def ask(command: ModuleType, *words: object) -> int:
    """The exit code of a command for these words; what it does not know are fields."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    command.add_arguments(parser)
    args, rest = parser.parse_known_args([str(word) for word in words])
    return command.run(args, rest)
