"""Labelled image sets that tensorflow-datasets has prepared, read without TensorFlow.

A set is decoded once into `.npy` files, which later starts map into memory without importing tfds.
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, UsageError, unknown
from jaxdl.data.prepare import command_of, find_builder, prepare_set
from jaxdl.data.prepared import open_version
from jaxdl.typing import Host

Splits = dict[str, dict[str, Host]]
DECODER = "pillow-1"  # part of the cache's key: other pixels need another name


def data_dir(folder: str = "") -> Path:
    """`folder`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`."""
    default = Path.home() / "tensorflow_datasets"
    return Path(folder or os.environ.get("TFDS_DATA_DIR") or default).expanduser()


def cache_dir() -> Path:
    """Where what can be made again is kept: `JAXDL_CACHE_DIR`, else `~/.cache/jaxdl`."""
    return Path(os.environ.get("JAXDL_CACHE_DIR") or Path.home() / ".cache" / "jaxdl").expanduser()


def prepared_version(name: str, folder: str = "", *, download: bool = False) -> Path:
    """The newest prepared folder `name/[config/]<version>` below `data_dir(folder)`.

    Raises DataError at once (no network is asked) where there is none, with the way to get it;
    with `download` it is prepared first.
    """
    if not re.fullmatch(r"[a-zA-Z]\w*(/[\w.+-]*[\w+-])?", name):
        raise UsageError(f"data.name: {name[:80]!r} is no name of a data set")
    root = data_dir(folder)
    for below in (root / name, *sorted((root / name).glob("*/"))):
        found = [path.parent for path in below.glob("*.*.*/dataset_info.json")]
        if found:
            return max(found, key=lambda path: [int(part) for part in path.name.split(".")])
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    if name.split("/")[0] not in known:
        from jaxdl.data.named import OTHERS

        known = [*OTHERS, *known]
        raise unknown("data.name", name, known, "`jaxdl list` shows what configs use.")
    if download:
        return prepare_set(find_builder(name, root))
    raise DataError(
        f"data set {name!r} is not prepared under {root}; set TFDS_DATA_DIR or --data.dir to a "
        "folder that has it, or prepare it there once, with a network: --data.download true, or "
        f"{command_of(name, root)}"
    )


def load_tfds(name: str, version: Path | None = None) -> tuple[Splits, tuple[str, ...]]:
    """({split: `image (N, H, W, C)` uint8, `label (N,)` int32}, classes) of a labelled set.

    `version`: its prepared folder (default: as `prepared_version` finds it).
    """
    version = version or prepared_version(name)
    cache = cache_dir() / "decoded" / f"{name.replace('/', '-')}-{version.name}-{_stamp(version)}"
    if not (cache / "info.json").exists():
        _decode(version, cache)
    info = json.loads((cache / "info.json").read_text())
    arrays = {
        split: {k: np.load(cache / f"{split}-{k}.npy", mmap_mode="r") for k in ("image", "label")}
        for split in info["splits"]
    }
    return arrays, tuple(info["classes"])


def _stamp(version: Path) -> str:
    # Another copy of the same version (re-encoded, say) must not meet this one's pixels.
    import hashlib

    files = sorted((p.name, p.stat().st_size) for p in version.iterdir() if p.is_file())
    return hashlib.sha256(f"{DECODER}{files}".encode()).hexdigest()[:12]


def _decode(version: Path, cache: Path) -> None:
    builder = open_version(version)
    features: Any = builder.info.features
    if not {"image", "label"} <= set(features):
        raise DataError(
            f"data set {builder.name!r} has features {sorted(features)}; "
            "classification needs 'image' and 'label'"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=cache.parent))
    try:
        for split in builder.info.splits:
            image, label = _decode_split(builder, split, features["image"].shape)
            np.save(part / f"{split}-image.npy", image)
            np.save(part / f"{split}-label.npy", label)
        info = {"splits": list(builder.info.splits), "classes": features["label"].names}
        (part / "info.json").write_text(json.dumps(info))
        part.replace(cache)
    except OSError:
        if not (cache / "info.json").exists():  # else another process was first
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _decode_split(builder: Any, split: str, shape: tuple[int, ...]) -> tuple[Host, Host]:
    if None in shape:
        raise DataError(
            f"data set {builder.name!r}: images of shape {shape} differ in size; "
            "set data.image_size"
        )
    source = builder.as_data_source(split)
    count = builder.info.splits[split].num_examples
    if len(source) != count:
        raise DataError(f"{builder.name}/{split}: {len(source)} of {count} rows can be read")
    image, label = np.empty((count, *shape), np.uint8), np.empty(count, np.int32)
    for i in range(count):
        row = source[i]
        image[i], label[i] = row["image"], row["label"]
    return image, label
