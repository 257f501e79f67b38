"""Labelled image sets that tensorflow-datasets has prepared, read without TensorFlow.

A set is decoded once into `.npy` files, which later starts map into memory without importing tfds.
"""

import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, unknown
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


def prepared_version(name: str, root: Path) -> Path:
    """The newest prepared folder `root/name/<version>`.

    Raises DataError at once (no network is asked) where there is none, with the way to get it.
    """
    found = [path.parent for path in (root / name).glob("*.*.*/dataset_info.json")]
    if found:
        return max(found, key=lambda path: [int(part) for part in path.name.split(".")])
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    if name.split("/")[0] not in known:
        raise unknown("data.name", name, ["digits", *known], "`jaxdl list` shows what configs use.")
    command = (
        f"import tensorflow_datasets as tfds; tfds.builder({name!r}, data_dir={str(root)!r}, "
        "file_format='array_record').download_and_prepare()"
    )
    raise DataError(
        f"data set {name!r} is not prepared under {root}; set TFDS_DATA_DIR or --data.dir to a "
        f'folder that has it, or prepare it there once, with a network: python -c "{command}"'
    )


def load_tfds(name: str, folder: str = "") -> tuple[Splits, tuple[str, ...]]:
    """({split: `image (N, H, W, C)` uint8, `label (N,)` int32}, classes) of a labelled set."""
    version = prepared_version(name, data_dir(folder))
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
    import tensorflow_datasets as tfds

    logging.getLogger("absl").setLevel(logging.ERROR)  # it recommends another decoder
    builder = tfds.builder_from_directory(str(version))
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
        raise DataError(f"data set {builder.name!r}: images of shape {shape} differ in size")
    source = builder.as_data_source(split)
    count = builder.info.splits[split].num_examples
    if len(source) != count:
        raise DataError(f"{builder.name}/{split}: {len(source)} of {count} rows can be read")
    image, label = np.empty((count, *shape), np.uint8), np.empty(count, np.int32)
    for i in range(count):
        row = source[i]
        image[i], label[i] = row["image"], row["label"]
    return image, label
