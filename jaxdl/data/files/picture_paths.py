"""Where the pictures are that annotations name: their folder has moved since they were drawn."""

from collections.abc import Hashable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

from jaxdl.checks import DataError
from jaxdl.data.notes import Notes

Key = TypeVar("Key", bound=Hashable)


def find_pictures(
    who: str, folder: Path, names: Mapping[Key, str], notes: Notes
) -> dict[Key, Path]:
    """The file of each picture: key -> path in `folder`; `names` key -> as it is written.

    A name is a path below `folder`, else its last part is looked for there: exports name places of
    another machine (`/data/upload/1.jpg`, `C:\\pets\\1.jpg`, an address). A file that is nowhere is
    found missing when it is read; where all are, that is an error.
    """
    if not folder.is_dir():
        raise DataError(f"{who}: there is no folder of images {folder}; give it as data.images")
    paths = {key: find_picture(who, folder, name) for key, name in names.items()}
    if not any(is_file(path) for path in paths.values()):
        first = next(iter(names.values()))
        raise DataError(
            f"{who}: none of its {len(names)} pictures is in {folder}, such as {first!r}; give the "
            "folder that has them as data.images"
        )
    check_shared(who, names, paths, notes)
    moved = [names[key] for key, path in paths.items() if path != folder / names[key]]
    if moved:
        notes.taken.append(
            f"pictures found by the last part of their names: {len(moved)}, such as {moved[0]!r}"
        )
    return paths


def find_picture(who: str, folder: Path, name: str) -> Path:
    """The file in `folder` that `name` means, whether it is there or not."""
    forward = name.replace("\\", "/")
    for text in (name, forward):
        inner = PurePosixPath(text)
        if not inner.is_absolute() and ".." not in inner.parts and is_file(folder / inner):
            return folder / inner
    last = PurePosixPath(forward.partition("?")[0] if "://" in forward else forward).name
    if last and last != ".." and is_file(folder / last):
        return folder / last
    inner = PurePosixPath(forward)
    if inner.is_absolute() or ".." in inner.parts:
        raise DataError(f"{who}: the picture {name!r} leaves {folder}, and no {last!r} is in there")
    return folder / inner


def is_file(path: Path) -> bool:
    """Whether there is a file; not where no file could have that name."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_shared(
    who: str, names: Mapping[Key, str], paths: Mapping[Key, Path], notes: Notes
) -> None:
    """Doubts where one file is named by several entries; DataError where their names differ."""
    first: dict[Path, Key] = {}
    shared: dict[str, int] = {}
    for key, path in paths.items():
        other = first.setdefault(path, key)
        if names[other] != names[key]:
            raise DataError(
                f"{who}: {names[other]!r} and {names[key]!r} are both {path}; give the folder that "
                "holds their folders as data.images"
            )
        if other != key:
            shared[names[key]] = shared.get(names[key], 1) + 1
    for name, count in shared.items():
        notes.doubts.append(f"{count} entries name the same picture {name!r}")
