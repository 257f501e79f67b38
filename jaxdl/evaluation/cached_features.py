"""Features of a frozen backbone, computed once for every row of a split and kept on disk."""

import hashlib
import os
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.data.splits.split import Split
from jaxdl.plain_file import write_whole
from jaxdl.typing import Array, Host, Tree

BATCH = 40
BLOCK = 500  # images that are hashed at once


def cached_features(
    apply: Callable[[Tree, Any], Array],
    variables: Tree,
    split: Split,
    *,
    folder: Path | None = None,
) -> Host:
    """`apply(variables, images)` of every row of a split, `(N, ...)` float32.

    The file, below `folder` (default: the cache folder), is named by a hash of the weights, of the
    program and of the images, so other weights or images never meet old features.
    """
    program, image = jax.jit(apply), split.example["image"]
    shape = jax.ShapeDtypeStruct((BATCH, *image.shape), image.dtype)
    lowered = program.lower(variables, shape).as_text()
    digest = hashlib.sha256(lowered.encode())
    for leaf in jax.tree.leaves(variables):
        digest.update(np.asarray(leaf).tobytes())
    for start in range(0, split.size, BLOCK):
        rows = np.arange(start, min(start + BLOCK, split.size))
        digest.update(split.read("image", rows).tobytes())
    path = (folder or cache_dir() / "features") / f"{digest.hexdigest()[:32]}.npy"
    kept = read_features(path)
    if kept is not None:
        return kept
    made = compute(program, variables, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:  # a name, np.save would add .npy to
        np.save(file, made)
    part.rename(path)  # whole, or not there
    write_whole(path.with_suffix(".crc32"), str(zlib.crc32(made.data)))
    return np.load(path, mmap_mode="r", allow_pickle=False)


def read_features(path: Path) -> Host | None:
    """The features in a file whose checksum, beside it, is right; None where they are not there."""
    if not path.exists():
        return None
    try:
        kept = np.load(path, mmap_mode="r", allow_pickle=False)
        if str(zlib.crc32(kept.data)) == path.with_suffix(".crc32").read_text():
            return kept
        problem = "its checksum differs"
    except (OSError, ValueError, EOFError) as error:
        problem = str(error)
    warnings.warn(f"{path} is damaged ({problem}); made again", RuntimeWarning, stacklevel=2)
    return None


def compute(program: Callable[[Tree, Any], Array], variables: Tree, split: Split) -> Host:
    """Batch by batch, the last padded: one shape, one program."""
    parts = []
    for start in range(0, split.size, BATCH):
        rows = np.minimum(np.arange(start, start + BATCH), split.size - 1)
        parts.append(np.asarray(program(variables, split.read("image", rows))))
    return np.concatenate(parts)[: split.size]


def with_features(split: Split, features: Host) -> Split:
    """The split with `features` in place of `image`."""
    kept = {name: split.read(name) for name in split.names if name != "image"}
    return split.with_arrays({"features": np.asarray(features), **kept}, without=("image",))
