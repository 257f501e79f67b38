"""One picture by its path, or by the name of one that scikit-image brings along."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.own_path import find_path
from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.typing import Host


def find_picture(given: str) -> Path:
    """A file here or below `JAXDL_DATA_DIR`, else one of scikit-image's: `chelsea.png`, ...

    Raises DataError where there is none, or where it is a folder.
    """
    try:
        path = find_path(given)
    except DataError as error:
        path = _of_scikit_image(given)
        if path is None:
            raise DataError(
                f"picture {given}: {str(error).removeprefix('data.path: ')}; nor has scikit-image "
                "one of that name"
            ) from None
    if path.is_dir():
        raise DataError(f"picture {given}: must be one file, {path} is a folder")
    return path


def read_squares(given: Sequence[str], side: int) -> Host:
    """The middles of pictures as `(N, side, side, 3)` uint8, see `find_picture`."""
    pictures = [decode_image(find_picture(name)) for name in given]
    return np.stack([resize_and_center_crop(picture, (side, side)) for picture in pictures])


def _of_scikit_image(name: str) -> Path | None:
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations or Path(name).name != name:
        return None
    path = Path(spec.submodule_search_locations[0]) / "data" / name
    return path if path.is_file() else None
