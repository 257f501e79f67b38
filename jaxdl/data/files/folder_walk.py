"""The files below a folder, through its links; what systems and tools drop into one is passed."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaxdl.checks import DataError

# Of macOS, Windows, Synology, and disks; names that begin with a dot are passed as well.
DROPPINGS = (
    *("__macosx", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin"),
    *("system volume information", "lost+found"),
)


Place = tuple[int, int]  # of a folder: device, inode


class Found(NamedTuple):
    """A file, or what is none and why it is not looked at."""

    path: Path
    fault: str = ""


def is_dropping(name: str) -> bool:
    """Whether nobody has put a file or folder of this name where it is."""
    return name.startswith(".") or name.lower() in DROPPINGS


def own_entries(folder: Path) -> list[Path]:
    """What is in a folder, in the order of names, without droppings."""
    return sorted(path for path in folder.iterdir() if not is_dropping(path.name))


def sub_folders(folder: Path) -> list[Path]:
    """The folders in a folder, also linked ones, in the order of their names."""
    return [path for path in own_entries(folder) if path.is_dir()]


def walk(folder: Path, above: tuple[Place, ...] = ()) -> Iterator[Found]:
    """Every file at any depth, in the order of names; linked folders as if they were there.

    `above`: the folders that it lies in (default: by its path).
    """
    try:
        above = above or tuple(map(place_of, folder.absolute().parents))
        here, entries = place_of(folder), own_entries(folder)
    except OSError as error:
        yield Found(folder, f"a folder that cannot be read: {error.strerror}")
        return
    if here in above:
        yield Found(folder, "a link to a folder that it lies in")
        return
    for path in entries:
        if path.is_dir():
            yield from walk(path, (*above, here))
        elif path.is_file():
            yield Found(path)
        else:
            yield Found(path, "a link to nowhere" if path.is_symlink() else "no plain file")


def place_of(folder: Path) -> Place:
    """The same for all paths of a folder."""
    state = folder.stat()
    return state.st_dev, state.st_ino


def suffix_of(path: Path) -> str:
    """`.jpg` of `1.JPG`; "" where there is none."""
    return os.path.splitext(path.name)[1].lower()


def known_classes(
    who: str, root: Path, found: Iterable[str], classes: tuple[str, ...]
) -> tuple[str, ...]:
    """`classes`, those of training, or where there are none all of the folders `found` in `root`.

    Raises DataError, in the name of `who`, for folders that training has not.
    """
    strangers = sorted(name for name in found if classes and name not in classes)
    if strangers:
        raise DataError(
            f"{who}: {root} has classes {strangers[:5]} that training has not: {classes[:9]}"
        )
    return classes or tuple(sorted(found))
