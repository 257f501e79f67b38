"""A folder of one's own pictures, and beside it one of masks."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.folder_splits import SPLITS, split_of
from jaxdl.data.files.folder_walk import own_entries, sub_folders
from jaxdl.data.files.image_folder import images_below
from jaxdl.data.files.own_path import is_packed, unpacked
from jaxdl.data.images.decode import BadFileBudget
from jaxdl.data.masks.label_map import MOST_CLASSES, VOID, ClassNumbers, read_label_map
from jaxdl.data.masks.masked_images import MaskedImages
from jaxdl.data.notes import Notes, name_some
from jaxdl.plain_file import read_plain

# What the two folders may be called, in any case.
PICTURES = ("images", "imgs", "image", "img", "pictures", "photos", "jpegimages")
MASKS = ("masks", "mask", "labels", "label", "annotations", "segments", "segmentationclass")
MARKS = ("", "_mask", "_label", "_L")  # of a mask, behind the name of its picture
NAMES = "classes.txt"


class Folders(NamedTuple):
    """Where the pictures of a split are, and where their masks."""

    pictures: Path
    masks: Path


def open_mask_folder(
    root: Path,
    *,
    image_size: tuple[int, int],
    names: tuple[str, ...] = (),
    values: tuple[int, ...] = (),
    ignore: int = VOID,
) -> dict[str, MaskedImages]:
    """Split -> its pictures with masks; the classes are those that `names_of` finds."""
    splits, notes = find_folders(root), {split: Notes() for split in SPLITS}
    pairs = {split: pair_up(folders, notes[split]) for split, folders in splits.items()}
    names, values = names_of(root, pairs["train"], names, values, ignore, notes["train"])
    numbers = ClassNumbers(names, values, ignore)
    made = {}
    for split, found in pairs.items():
        who = f"{root} {split}"
        budget = BadFileBudget(who, len(found))
        budget.rows = [(name, "it has no mask") for name, pair in found.items() if pair[1] is None]
        budget.check()
        for name, why in budget.rows:
            notes[split].leave_out(name, why)
        whole = {name: (image, mask) for name, (image, mask) in found.items() if mask is not None}
        made[split] = MaskedImages(who, whole, numbers, image_size=image_size, notes=notes[split])
    return made


def find_folders(root: Path) -> dict[str, Folders]:
    """The two folders of each split: `train/images` and `train/masks`, or `images/train` and
    `masks/train`, or, of a set that is not divided, `images` and `masks`.

    A split may be an archive. Raises DataError where there are no such folders.
    """
    whole = folders_in(root)
    if whole is not None:
        inner = {split_of(path.name): path.name for path in sub_folders(whole.pictures)}
        if not inner.get("train"):
            return {"train": whole}
        named = {split: inner[split] for split in SPLITS if split in inner}
        return {s: Folders(*(folder / name for folder in whole)) for s, name in named.items()}
    found: dict[str, Path] = {}
    for path in own_entries(root) if root.is_dir() else ():
        split = split_of(path.name.partition(".")[0])
        if split and (path.is_dir() or is_packed(path)):
            if split in found:
                raise DataError(f"{root}: {found[split].name} and {path.name} may both be {split}")
            found[split] = path
    pairs = {split: folders_in(unpacked(found[split])) for split in SPLITS if split in found}
    without = [found[split].name for split, pair in pairs.items() if pair is None]
    if "train" not in pairs or without:
        where = f"{', '.join(without)} has none" if without else "there are none"
        raise DataError(
            f"{root}: pictures and masks must be in two folders such as images and masks, or "
            f"train/images and train/masks; {where}"
        )
    return {split: pair for split, pair in pairs.items() if pair is not None}


def folders_in(folder: Path) -> Folders | None:
    """The folders of pictures and of masks in this one, if it has both."""
    named = {path.name.lower(): path for path in sub_folders(folder)} if folder.is_dir() else {}
    pictures, masks = (
        next((named[name] for name in names if name in named), None) for names in (PICTURES, MASKS)
    )
    return None if pictures is None or masks is None else Folders(pictures, masks)


def pair_up(folders: Folders, notes: Notes) -> dict[str, tuple[Path, Path | None]]:
    """Name -> (picture, its mask or None): that of the same name, at the same depth."""
    pictures, _ = images_below([folders.pictures], folders.pictures, notes)
    if not pictures:
        raise DataError(f"{folders.pictures}: there are no pictures in it")
    masks, _ = images_below([folders.masks], folders.masks, notes)
    by_name = {path.relative_to(folders.masks).with_suffix("").as_posix(): path for path in masks}
    pairs, used = {}, set()
    for path in pictures:
        inner = path.relative_to(folders.pictures)
        stem = inner.with_suffix("").as_posix()
        mask = next((by_name[stem + mark] for mark in MARKS if stem + mark in by_name), None)
        pairs[inner.as_posix()] = (path, mask)
        used.add(mask)
    alone = sorted(name for name, path in by_name.items() if path not in used)
    if alone:
        notes.doubts.append(f"masks without a picture: {len(alone)} {name_some(alone)}")
    return pairs


def names_of(
    root: Path,
    pairs: Mapping[str, tuple[Path, Path | None]],
    names: tuple[str, ...],
    values: tuple[int, ...],
    ignore: int,
    notes: Notes,
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the classes and their numbers: those given, the lines of `classes.txt`, else the
    numbers that occur in the masks, which is said.

    Raises DataError where there are fewer than two classes.
    """
    listed = root / NAMES
    if not names and listed.is_file():
        lines = read_plain(listed).decode("utf-8", "replace").splitlines()
        names = tuple(line.strip() for line in lines if line.strip())
    if not names and not values:
        found = numbers_in([mask for _, mask in pairs.values() if mask is not None])
        values = tuple(n for n in found if n != ignore)
        notes.taken.append(
            f"classes are the numbers in {len(pairs)} masks: {', '.join(map(str, values))}"
        )
        if len(values) < 2:
            left = f" beside {ignore}, which does not count" if ignore in found else ""
            raise DataError(
                f"{root}: the masks have {len(values)} class, number {', '.join(map(str, values))}"
                f"{left}; if {ignore} is a class, set data.ignore = -1"
            )
    names = names or tuple(map(str, values))
    if values and len(names) != len(values):
        raise DataError(f"{root}: {len(names)} names for {len(values)} data.values; give one each")
    if not 2 <= len(names) <= MOST_CLASSES:
        raise DataError(f"{root}: there must be 2 to {MOST_CLASSES} classes, got {len(names)}")
    return names, values


def numbers_in(masks: list[Path]) -> list[int]:
    """The numbers that occur in any of the masks, in order."""
    seen = np.zeros(256, bool)
    for mask in masks:
        seen[read_label_map(mask)] = True
    return np.flatnonzero(seen).tolist()
