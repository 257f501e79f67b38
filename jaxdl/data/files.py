"""A person's own image files, as a model's data has them."""

from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host


def read_image(path: Path, shape: tuple[int, ...]) -> Host:
    """The file as uint8 of `shape (H, W, C)`: grey for one channel, else RGB; resized bilinearly.

    Raises DataError where the file is absent or no image that Pillow reads.
    """
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(path) as image:
            image = image.convert("L" if channels == 1 else "RGB")
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image, np.uint8).reshape(shape)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "not an image that can be read"
        raise DataError(f"{path}: {reason}") from None
