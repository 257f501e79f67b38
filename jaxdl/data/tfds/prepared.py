"""The folder of a set that tensorflow-datasets has prepared: found, made, opened."""

import json
import logging
import re
from pathlib import Path
from typing import Any

from jaxdl.cache import data_dir
from jaxdl.checks import DataError, UsageError, unknown
from jaxdl.data.config import VARIANTS
from jaxdl.data.tfds.download import command_of, find_builder, prepare_set

NAME = r"[A-Za-z0-9]\w{0,99}(/[A-Za-z0-9][\w.+-]{0,99})?"


def prepared_version(name: str, folder: str = "", *, download: bool = False) -> Path:
    """The newest prepared folder `name/[config/]<version>` below `data_dir(folder)`.

    Raises DataError at once (no network is asked) where there is none, with the way to get it;
    with `download` it is prepared first.
    """
    if not re.fullmatch(NAME, name):
        raise UsageError(f"data.name must be like mnist or imagenet_v2/topimages, got {name!r}")
    root = data_dir(folder)
    for below in (root / name, *sorted((root / name).glob("*/"))):
        infos = below.glob("*.*.*/dataset_info.json")
        found = [p.parent for p in infos if re.fullmatch(r"\d+\.\d+\.\d+", p.parent.name)]
        if found:
            return max(found, key=lambda path: [int(part) for part in path.name.split(".")])
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    # Builders whose module imports TensorFlow (ucf101) are not listed where that is absent.
    known += [path.stem for path in Path(tfds.__file__).parent.glob("video/*.py")]
    if name.split("/")[0] not in known:
        known = [*VARIANTS, *known]
        raise unknown("data.name", name, known, "`jaxdl list` shows what configs use.")
    if download:
        return prepare_set(find_builder(name, root))
    raise DataError(
        f"data set {name!r} is not prepared under {root}; set TFDS_DATA_DIR or --data.dir to a "
        "folder that has it, or prepare it there once, with a network: --data.download true, or "
        f"{command_of(name, root)}"
    )


def features_of(version: Path) -> list[str]:
    """The names of a row's entries, without importing anything."""
    try:
        content = json.loads((version / "features.json").read_text())
        return list(content["featuresDict"]["features"])
    except (OSError, ValueError, KeyError):
        return []


def open_version(version: Path) -> Any:
    """The builder of a prepared folder.

    Raises DataError with both versions where the installed tensorflow-datasets cannot read it.
    """
    import tensorflow_datasets as tfds

    logging.getLogger("absl").setLevel(logging.ERROR)  # it recommends another decoder
    try:
        return tfds.builder_from_directory(str(version))
    except Exception as error:  # whatever a file from the future makes it raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"data set {version.parent.name!r} {version.name} in {version} was prepared by another "
            f"version of tensorflow-datasets than the installed {tfds.__version__}, or is damaged "
            f"({reason}); prepare it again or install the version that wrote it"
        ) from None
