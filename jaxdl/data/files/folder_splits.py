"""Which folders are the splits of a folder of images, and which its classes; guesses are said."""

import re
from pathlib import Path
from typing import NamedTuple

from jaxdl.checks import DataError
from jaxdl.data.files.folder_walk import own_entries, sub_folders, suffix_of, walk
from jaxdl.data.images.decode import SUFFIXES

SPLITS = {
    "train": r"train(ing)?(set|data|images|imgs|split)?",
    "val": r"(val|valid|validation|dev)(set|data|images|imgs|split)?",
    "test": r"test(ing)?(set|data|images|imgs|split)?",
}
WRAPPERS = ("images", "imgs", "image", "data", "pictures", "photos")


class Layout(NamedTuple):
    """Split -> its folder of class folders; `said`: what was taken; `doubts` on the rest."""

    folders: dict[str, Path]
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def find_splits(root: Path | str) -> Layout:
    """The folders of `train`, `val` and `test` below `root`; the whole is "train" if none is.

    A split is called so, in any case, also `training_set` or `seg_train`, and has class folders in
    it; `images/train` is found as well. Raises DataError where two folders may be one split, or
    where some are splits and others classes.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    layout = splits_in(root)
    if layout is not None:
        return layout
    nested = [(sub, inner) for sub in sub_folders(root) if (inner := splits_in(sub)) is not None]
    if len(nested) > 1:
        names = ", ".join(sub.name for sub, _ in nested)
        raise DataError(f"{root}: there are splits below each of {names}; name one in data.path")
    if nested:
        ((sub, inner),) = nested
        return inner._replace(said=(f"splits are looked for in {sub.name}", *inner.said))
    return Layout({"train": unwrapped(root)})


def splits_in(root: Path) -> Layout | None:
    """The splits among the folders of `root`, if there are any."""
    found: dict[str, list[Path]] = {}
    others: list[Path] = []
    for folder in sub_folders(root):
        split = split_of(folder.name)
        found.setdefault(split, []).append(folder) if split else others.append(folder)
    with_classes = {s: [f for f in fs if sub_folders(f)] for s, fs in found.items()}
    names = ", ".join(folder.name for folders in found.values() for folder in folders)
    if not any(with_classes.values()):
        if len(found) > 1:
            raise DataError(
                f"{root}: {names} look like splits, but have no class folders; put the images of "
                f"each class into a folder of its name: {root}/train/cat/1.jpg"
            )
        return None  # such as classes "bus" and "train"
    for split, folders in with_classes.items():
        if len(folders) > 1:
            both = " and ".join(folder.name for folder in folders)
            raise DataError(f"{root}: {both} may both be the split {split!r}; keep one there")
    if not with_classes.get("train"):
        raise DataError(f"{root}: there is {names}, but no folder train with class folders in it")
    filled = [folder.name for folder in others if has_images(folder)]
    if filled and len(with_classes) == 1:
        raise DataError(
            f"{root}: {with_classes['train'][0].name} looks like a split, {filled[0]} like a class "
            f"({len(filled)} such); put classes into splits, or name the split in data.path"
        )
    folders = {s: unwrapped(with_classes[s][0]) for s in SPLITS if with_classes.get(s)}
    said = [f"{split} is the folder {f.relative_to(root)}" for split, f in folders.items()]
    flat = [f for s, fs in found.items() for f in fs if f not in with_classes[s]]
    doubts = [f"the folder {f.name} has no class folders: it is not read" for f in flat]
    if filled:
        doubts.append(f"beside the splits there are images in {', '.join(filled[:5])}: not read")
    return Layout(folders, tuple(said), tuple(doubts))


def split_of(name: str) -> str:
    """`train`, `val`, `test`, or "": what a name says, as a whole or by one of its words."""
    words = re.findall(r"[a-z]+|[0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    for split, pattern in SPLITS.items():
        if any(re.fullmatch(pattern, word) for word in ["".join(words), *words]):
            return split
    return ""


def unwrapped(folder: Path) -> Path:
    """The one folder in it, where that is called `images` or the like, or as the outer one."""
    entries = own_entries(folder)
    inner = [path for path in entries if path.is_dir()]
    wraps = len(inner) == 1 and not any(suffix_of(path) in SUFFIXES for path in entries)
    if (
        wraps
        and inner[0].name.lower() in (*WRAPPERS, folder.name.lower())
        and sub_folders(inner[0])
    ):
        return unwrapped(inner[0])
    return folder


def has_images(folder: Path) -> bool:
    """Whether there is an image file at any depth."""
    return any(suffix_of(found.path) in SUFFIXES for found in walk(folder) if not found.fault)
