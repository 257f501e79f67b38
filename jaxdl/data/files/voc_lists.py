"""The lists of names in a VOC folder: which is which split, and the names in one."""

import re
from collections.abc import Collection, Sequence
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from jaxdl.checks import DataError
from jaxdl.data.files.folder_splits import split_of
from jaxdl.data.files.folder_walk import own_entries, suffix_of
from jaxdl.data.files.voc_folder import VocFolder, name_of, split_folders
from jaxdl.data.notes import Notes, name_some

CLASS_LIST = r".+_(train|val|trainval|test)"  # of one class, each name with 1 or -1
FLAGS = ("1", "0", "-1")


class VocSplit(NamedTuple):
    """A folder, names in it, and what is to be said of them."""

    folder: VocFolder
    names: list[str]
    notes: Notes


def voc_splits(root: Path, what: str) -> dict[str, VocSplit]:
    """The splits, train first: lists in one folder, or folders with annotations of their own.

    `what` is read: boxes, masks or segments.
    """
    made: dict[str, VocSplit] = {}
    parts = split_folders(root)
    for split in [split for split in ("train", "val", "test") if split in parts]:
        folder = parts[split]
        folder.notes.taken.append(f"{split} is the folder {folder.root.name}")
        made[split] = VocSplit(folder, known_names(folder, what), folder.notes)
    if made:
        return made
    folder = VocFolder(root)
    known, lists = known_names(folder, what), "Main" if what == "boxes" else "Segmentation"
    for split, names in read_lists(folder, lists, known).items():
        # What is to be said of the folder is said once.
        made[split] = VocSplit(folder, names, Notes() if made else folder.notes)
    return made


def known_names(folder: VocFolder, what: str) -> list[str]:
    """The names that have boxes, masks or segments, sorted."""
    if what == "boxes":
        return list(folder.annotations)
    drawn = folder.root / ("SegmentationObject" if what == "masks" else "SegmentationClass")
    names = [p.stem for p in own_entries(drawn) if suffix_of(p) == ".png"] if drawn.is_dir() else []
    if not names:
        raise DataError(f"{drawn} has no .png files, which {what} are read from")
    return [name for name in names if what == "segments" or name in folder.annotations]


def choose_lists(folder: VocFolder, kind: str) -> dict[str, str]:
    """Split -> the name of its list in `ImageSets/<kind>`; empty where there are no lists.

    `trainval` is the training split where there is no `train`; a list alone of another name is
    that of all pictures. What was taken is in the folder's notes. Raises DataError where no list
    can be the training one: all pictures would have those of the test among them.
    """
    place = folder.list_folder / kind
    files = own_entries(place) if place.is_dir() else []
    lists = [path.stem for path in files if suffix_of(path) == ".txt" and path.is_file()]
    if not lists:
        folder.notes.taken.append(f"all annotations: there is no list in {folder.short(place)}")
        return {}
    whole = [name for name in lists if not re.fullmatch(CLASS_LIST, name.lower())]
    named = name_splits(place, whole or lists)
    if "train" not in named:
        raise DataError(
            f"{place} has the lists {', '.join(lists)}, but none of what to train on; name one "
            "train.txt, or remove the lists to take all pictures"
        )
    named = {split: named[split] for split in ("train", "val", "test") if split in named}
    for split, name in named.items():
        folder.notes.taken.append(f"{split} is the list {folder.short(place / name)}.txt")
    rest = [name for name in whole if name not in named.values()]
    if rest:
        folder.notes.taken.append(f"lists that are not read: {', '.join(rest)}")
    return named


def name_splits(place: Path, lists: Sequence[str]) -> dict[str, str]:
    """Split -> its list. Raises DataError where two may be one split, and none is called so."""
    found: dict[str, list[str]] = {}
    for name in lists:
        split = "trainval" if name.lower() == "trainval" else split_of(name)
        found.setdefault(split, []).append(name)
    named = {}
    for split in ("train", "trainval", "val", "test"):
        names = found.get(split, [])
        exact = [name for name in names if name.lower() == split]
        if len(exact or names) > 1:
            raise DataError(
                f"{place}: the lists {', '.join(exact or names)} may all be {split}; call one so"
            )
        if names:
            named[split] = (exact or names)[0]
    if "trainval" in named:
        named.setdefault("train", named.pop("trainval"))
    return {"train": lists[0]} if not named and len(lists) == 1 else named


def read_lists(folder: VocFolder, kind: str, known: Collection[str]) -> dict[str, list[str]]:
    """Split -> its names, all of them among those `known`; without lists all of these train.

    Raises DataError where a name is in two splits, or has no annotation. A split that is empty, or
    a test without any annotation, is left out, which is said.
    """
    chosen = choose_lists(folder, kind)
    if not chosen:
        return {"train": list(known)}
    splits: dict[str, list[str]] = {}
    for split, name in chosen.items():
        file = folder.list_folder / kind / f"{name}.txt"
        names = read_list(file, known, folder.notes)
        annotated = [name for name in names if name in known]
        if annotated or split == "train":
            splits[split] = names
            check_known(file, names, known)
        else:
            why = "has no annotations" if names else "is empty"
            folder.notes.doubts.append(f"the list of {split} {why}: it is not read")
    for first, second in combinations(splits, 2):
        shared = sorted(set(splits[first]) & set(splits[second]))
        if shared:
            raise DataError(
                f"{folder.root}: names in {chosen[first]}.txt and in {chosen[second]}.txt: "
                f"{len(shared)} {name_some(shared)}; what is tested must not be trained"
            )
    listed = {name for names in splits.values() for name in names}
    rest = [name for name in known if name not in listed]
    if rest:
        folder.notes.taken.append(f"annotations in no list: {len(rest)} {name_some(rest)}")
    return splits


def read_list(file: Path, known: Collection[str], notes: Notes) -> list[str]:
    """The names in a file, each once."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    names = [listed_name(file, line, known) for line in lines if line.strip()]
    unique = list(dict.fromkeys(names))
    if len(unique) < len(names):
        notes.doubts.append(f"names more than once in {file.name}: {len(names) - len(unique)}")
    return unique


def check_known(file: Path, names: Sequence[str], known: Collection[str]) -> None:
    """Raises DataError for names without an annotation, and where there are none."""
    missing = [name for name in names if name not in known]
    if missing:
        raise DataError(f"{file}: names without an annotation: {len(missing)} {name_some(missing)}")
    if not names:
        raise DataError(f"{file} lists no pictures")


def listed_name(file: Path, line: str, known: Collection[str]) -> str:
    """The name in a line: alone, with a flag after it, with a suffix, or as a path."""
    text = line.strip()
    for candidate in name_candidates(text):
        if candidate in known:
            return candidate
    path = PurePosixPath(text.replace("\\", "/"))
    if ".." in path.parts or path.is_absolute():
        raise DataError(f"{file}: {str(path)!r} is no name of a picture")
    return text


def name_candidates(text: str) -> Sequence[str]:
    """What a line may name, the likeliest first."""
    *words, last = text.split()
    texts = [text, text[: -len(last)].strip()] if words and last in FLAGS else [text]
    parts = [PurePosixPath(t.replace("\\", "/")).name for t in texts]
    return [*texts, *map(name_of, texts), *parts, *map(name_of, parts)]
