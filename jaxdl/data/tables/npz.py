"""One's own NumPy arrays in an `.npz` file: what each of them is, by its name and form."""

import math
import re
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.capped import MOST_RATIO, check_plain_file, most_bytes
from jaxdl.data.tables.array_labels import as_text, number_words, one_label_a_row
from jaxdl.data.tables.pixels import with_channels
from jaxdl.typing import Host

# What the arrays of a split are called: alone, or before or after the split's name.
KINDS = {
    "image": ("image", "images", "img", "imgs", "x", "data", "input", "inputs"),
    "label": ("label", "labels", "y", "target", "targets"),
}
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
CLASS_NAMES = ("class_names", "classes", "label_names", "target_names", "names")
BROKEN = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
    *(RuntimeError, NotImplementedError, MemoryError),  # a password, a way of packing, a claim
    *(SyntaxError, tokenize.TokenError),  # a header is Python
)


class Arrays(NamedTuple):
    """{split: {name: `(N, ...)`}}, the names of classes if there are any, and what was taken."""

    splits: dict[str, dict[str, Host]]
    classes: tuple[str, ...]
    said: tuple[str, ...]


def read_npz(path: Path | str, *, label: str = "class") -> Arrays:
    """Arrays `image` and `label` are the split "train"; `x_train`, `test_labels` etc. theirs.

    Pictures stay as they are, gray ones `(N, H, W)` get their channel axis; `X` `(N, D)` becomes
    `input` float64. Labels become `(N,)`: int32 (also if they are words, one-hot, `(N, 1)`), or
    float32 where `label` is "number". Other arrays of as many rows stay under their own names.
    Objects are refused: loading them would run code from the file.
    """
    path = Path(path)
    given = load_arrays(path)
    named = next((name for name in CLASS_NAMES if name in given and is_words(given[name])), "")
    words = as_text(given.pop(named)) if named else []
    splits, keys = assign_arrays(path, given)
    if "train" not in splits:
        raise DataError(f"read_npz: {path} has no training arrays, only {', '.join(given)}")
    said = []
    for split, arrays in splits.items():
        for name, value in arrays.items():
            key = keys[split, name]
            arrays[name], how = as_rows(f"read_npz: {path}: {key}", name, value, label)
            said += [f"{key} is {name} of {split}"] * (key != name) + [f"{key}: {how}"] * bool(how)
    classes = number_words(f"read_npz: {path}", splits) or tuple(words)
    if words:
        said.append(f"{named} names the classes")
    return Arrays(splits, classes, tuple(said))


def load_arrays(path: Path) -> dict[str, Host]:
    """Every array by its name. Raises DataError for what is no whole file of plain arrays."""
    size = check_plain_file(path, "read_npz")
    if not zipfile.is_zipfile(path):
        raise DataError(f"read_npz: {path} is no .npz file (a whole one): write it by np.savez")
    try:
        with zipfile.ZipFile(path) as file:
            total = sum(info.file_size for info in file.infolist())
            if total > most_bytes(size):
                raise DataError(
                    f"read_npz: {path} expands to {total:,} bytes, over {MOST_RATIO:g} times its "
                    "own; if you trust it, write it by np.savez, which does not pack"
                )
            for info in file.infolist():
                with file.open(info) as stream:
                    check_header(path, info, stream)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(f"read_npz: {path} cannot be read: {error}") from None
    if not arrays:
        raise DataError(f"read_npz: {path} has no arrays")
    return arrays


def check_header(path: Path, info: zipfile.ZipInfo, stream: IO[bytes]) -> None:
    """Raises DataError unless a member is an array, of numbers or words, as large as it claims."""
    name = info.filename.removesuffix(".npy")
    if name == info.filename or np.lib.format.read_magic(stream) not in ((1, 0), (2, 0)):
        raise DataError(f"read_npz: {path}: {info.filename} is no array as np.savez writes it")
    stream.seek(6)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    major = stream.read(2)[0]
    shape, _, dtype = read[major](stream)
    if dtype.hasobject:
        raise DataError(f"read_npz: {path}: {name} holds objects, which are not loaded")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != info.file_size - stream.tell():
        raise DataError(
            f"read_npz: {path}: {name} claims {dtype} {shape}, {claimed:,} bytes, and holds "
            f"{info.file_size - stream.tell():,}"
        )


def assign_arrays(
    path: Path, given: dict[str, Host]
) -> tuple[dict[str, dict[str, Host]], dict[tuple[str, str], str]]:
    """(split -> name -> array, the key of each): by names, then by forms."""
    splits: dict[str, dict[str, Host]] = {}
    keys: dict[tuple[str, str], str] = {}
    if all(re.fullmatch(r"arr_\d+", key) for key in given):
        raise DataError(
            f"read_npz: {path} has {', '.join(given)}, which say not what they are; write it by "
            "np.savez(path, image=..., label=...)"
        )
    places = {key: place_of(key) for key in given}
    known = {split for split, name in places.values() if name in KINDS}
    for key, value in given.items():
        if value.ndim == 0:
            raise DataError(f"read_npz: {path}: {key} must be rows, got {value.dtype} ()")
        split, name = places[key]
        if name not in KINDS and split not in known:
            split, name = "train", key
        if name == "image" and value.ndim < 3:
            name = "input"
        if (split, name) in keys:
            raise DataError(
                f"read_npz: {path}: {keys[split, name]} and {key} are both {name} of {split}"
            )
        splits.setdefault(split, {})[name] = value
        keys[split, name] = key
    for split, arrays in splits.items():
        sizes = {keys[split, name]: len(value) for name, value in arrays.items()}
        if len(set(sizes.values())) != 1:
            raise DataError(
                f"read_npz: {path}, {split}: arrays must have equal lengths, got {sizes}"
            )
    return splits, keys


def place_of(key: str) -> tuple[str, str]:
    """(split, name) of an array: `X` ("train", "image"), `test_ids` ("test", "ids")."""
    parts = re.fullmatch(rf"({ANY})[_. -]?(.+)|(.+?)[_. -]?({ANY})", key.lower())
    before, after, stem, behind = parts.groups() if parts else (None, None, key.lower(), None)
    stem, affix = after or stem, before or behind
    kind = next((name for name, names in KINDS.items() if stem in names), None)
    if affix is None:
        return "train", kind or key
    split = next(split for split, names in SPLITS.items() if affix in names)
    return split, kind or stem


ANY = "|".join(sorted(sum(SPLITS.values(), ()), key=len, reverse=True))


def as_rows(who: str, name: str, value: Host, label: str) -> tuple[Host, str]:
    """An array in the form of its kind, and how it was taken where that is not plain."""
    if value.dtype.kind not in "biuf" and name != "label":
        raise DataError(f"{who} must be rows of numbers, got {value.dtype} {value.shape}")
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        row = int(np.argwhere(~np.isfinite(value))[0][0])
        raise DataError(f"{who} has a number that is not finite, in row {row}")
    if not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    if name == "label":
        return one_label_a_row(who, value, label)
    if name == "input":
        return value.reshape(len(value), -1).astype(np.float64), ""
    return (with_channels(value) if name == "image" else value), ""


def is_words(value: Host) -> bool:
    """Whether an array is a row of words."""
    return value.ndim == 1 and value.dtype.kind in "US"
