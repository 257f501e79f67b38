"""What a person should know of a choice that was made for them: one line on stderr."""

import sys
from contextlib import suppress
from functools import cache


@cache
def say_once(line: str) -> None:
    """Prints a line on stderr, once a process."""
    with suppress(OSError):  # whether anybody reads it or not
        print(line, file=sys.stderr, flush=True)
