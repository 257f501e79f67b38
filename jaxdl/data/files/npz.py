"""One's own NumPy arrays in an `.npz` file."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host

# The layout of Keras' files: name -> (split, array).
NAMED = {
    f"{short}_{split}": (split, name)
    for split in ("train", "val", "test")
    for short, name in (("x", "image"), ("y", "label"))
}


def read_npz(path: Path | str) -> dict[str, dict[str, Host]]:
    """{split: {name: `(N, ...)`}}: arrays `image` and `label`, say, are the split "train".

    `x_train, y_train, x_test, y_test` become `image` and `label` of their splits. Objects are
    refused: loading them would run code from the file. Gray images get their channel axis, whole
    numbers of one axis become int32.
    """
    path = Path(path)
    if path.is_file() and not zipfile.is_zipfile(path):
        raise DataError(f"read_npz: {path} is no .npz file (a whole one): write it by np.savez")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = "holds objects, which are not loaded" if "pickle" in str(error) else str(error)
        raise DataError(f"read_npz: {path} cannot be read: {what}") from None
    splits: dict[str, dict[str, Host]] = {}
    for key, value in arrays.items():
        split, name = NAMED.get(key, ("train", key))
        splits.setdefault(split, {})[name] = as_rows(path, key, value)
    if not splits:
        raise DataError(f"read_npz: {path} has no arrays")
    for split, named in splits.items():
        sizes = {name: len(value) for name, value in named.items()}
        if len(set(sizes.values())) != 1:
            raise DataError(
                f"read_npz: {path}, {split}: arrays must have equal lengths, got {sizes}"
            )
    return splits


def as_rows(path: Path, name: str, value: Host) -> Host:
    """Labels as int32, images with channels, rows along the first axis."""
    if value.ndim == 0 or value.dtype.kind not in "biuf":
        raise DataError(
            f"read_npz: {path}: {name} must be rows of numbers, got {value.dtype} {value.shape}"
        )
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        row = int(np.argwhere(~np.isfinite(value))[0][0])
        raise DataError(f"read_npz: {path}: {name} has a number that is not finite, in row {row}")
    if value.ndim == 2 and value.shape[1] == 1 and value.dtype.kind in "iu":
        value = value[:, 0]  # Keras' CIFAR labels
    if value.ndim == 1 and value.dtype.kind in "iu":
        return value.astype(np.int32)
    if value.ndim == 3 and value.dtype == np.uint8:
        return value[..., None]
    return value


def check_pixels(who: str, image: Host) -> None:
    """Raises DataError unless images are uint8 `(N, H, W, C)`, with what they look like."""
    if image.ndim != 4:
        raise DataError(f"{who}: image must be (N, H, W, C), got shape {image.shape}")
    if image.shape[-1] not in (1, 3, 4):
        chw = image.shape[1] in (1, 3, 4)
        hint = "; it looks like CHW: transpose(0, 2, 3, 1)" if chw else ""
        raise DataError(f"{who}: image must have 1, 3 or 4 channels last, got {image.shape}{hint}")
    if image.dtype != np.uint8:
        low, top = (float(image.min()), float(image.max())) if image.size else (0.0, 0.0)
        hint = "multiply by 255 and" if top <= 1 else "they lie in 0..255:" if top <= 255 else ""
        hint = "they are normalized already; undo that," if low < 0 else hint
        raise DataError(
            f"{who}: pixels must be uint8 (0..255), got {image.dtype} in {low:.3g}..{top:.3g}; "
            f"{hint} use astype('uint8')"
        )
