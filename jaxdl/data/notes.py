"""What rows were taken from, what was left out and why: said by every command that reads a set."""

from collections.abc import Mapping, Sequence

from jaxdl.checks import one_line
from jaxdl.say import say_once

NAMED = 3  # of what was left out for one reason


class Notes:
    """Of one source. `taken`: lines such as "pictures of ImageSets/Main/trainval.txt".

    `left_out`: reason -> names of rows, files or boxes that are not in the set; `doubts`: lines on
    what is in the set, but looks like a mistake. A scan of the set counts both as faults.
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.left_out: dict[str, list[str]] = {}
        self.doubts: list[str] = []

    def leave_out(self, name: str, why: str) -> None:
        """Counts one row, file or box."""
        self.left_out.setdefault(why, []).append(name)

    def lines(self) -> list[str]:
        """All of it; of what was left out the counts and the first names."""
        return [*self.taken, *count_left_out(self.left_out), *self.doubts]


def count_left_out(left_out: Mapping[str, Sequence[str]], what: str = "") -> list[str]:
    """A line for each reason: how many (of `what`, in the singular), why, and the first names."""
    lines = []
    for why, names in left_out.items():
        plural = "" if len(names) == 1 or not what else "s"
        counted = f"left out {len(names)} {what}".rstrip() + plural
        lines.append(f"{counted}: {why} {name_some(names)}")
    return lines


def name_some(names: Sequence[str]) -> str:
    """The first names, in brackets."""
    return f"({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})"


def say_notes(notes: Mapping[str, Sequence[str]]) -> None:
    """Prints notes, split -> lines, on stderr: each line once a process.

    Splits that were cut from the same rows share their lines.
    """
    said: set[str] = set()
    for split, lines in notes.items():
        for line in lines:
            if line not in said:
                say_once(f"data, {split}: {one_line(line)}")
            said.add(line)


def doubt_alike(classes: Sequence[str]) -> list[str]:
    """Lines on names of classes that differ in capitals or spaces alone, but for single letters."""
    folded: dict[str, list[str]] = {}
    for name in classes:
        folded.setdefault(" ".join(name.casefold().split()), []).append(name)
    alike = [names for key, names in folded.items() if len(set(names)) > 1 < len(key)]
    return [
        f"classes {' and '.join(map(repr, names))} differ in capitals or spaces alone"
        for names in alike
    ]
