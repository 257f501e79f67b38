"""Changes of one image on the host, before it is batched: NumPy `(H, W, C)` in and out.

change = compose(partial(resize, size=96), partial(center_crop, size=96), to_array)
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from jaxdl.checks import DataError, check_one_of
from jaxdl.typing import Host

Transform = Callable[[Host], Host]
Size = int | tuple[int, int]
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def compose(*steps: Transform) -> Transform:
    """One transform that applies the steps in order."""

    def apply(image: Host) -> Host:
        for step in steps:
            image = step(image)
        return image

    return apply


def to_array(image: Host | Image.Image) -> Host:
    """uint8 pixels as float32 in [0, 1]: `(H, W)` or `(H, W, C)` -> `(H, W, C)`.

    Float pixels must lie in [0, 1] already: 0..255 as floats would be trained on unscaled.
    """
    array = np.asarray(image)
    array = array[:, :, None] if array.ndim == 2 else array
    check_image("to_array", array)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"to_array: image must be uint8 or floating point, got {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise DataError(
            f"to_array: float pixels must lie in [0, 1], got {array.min():g} to {array.max():g};"
            " divide 0..255 by 255, or give uint8; normalize afterwards"
        )
    return array.astype(np.float32)


def resize(image: Host, size: Size, *, method: str = "bilinear") -> Host:
    """Bilinear or bicubic with antialiasing (Pillow): `(H, W, C)` -> `(*size, C)`, dtype kept.

    An int makes the shorter side that long and keeps the shape; a pair is (height, width).
    """
    check_image("resize", image)
    check_one_of("resize: method", method, RESAMPLING)
    height, width = resized_shape(image.shape[:2], size)
    image = image if image.dtype == np.uint8 else image.astype(np.float32)
    if image.dtype == np.uint8 and image.shape[-1] == 3:  # the same numbers, a third faster
        whole = Image.fromarray(image).resize((width, height), RESAMPLING[method])
        return np.array(whole)
    planes = [Image.fromarray(plane) for plane in np.moveaxis(image, -1, 0)]
    resized = [p.resize((width, height), RESAMPLING[method]) for p in planes]
    return np.stack([np.asarray(plane) for plane in resized], axis=-1)


def resized_shape(shape: Sequence[int], size: Size) -> tuple[int, int]:
    """Height and width after `resize`: a pair itself, an int the shorter side."""
    if not isinstance(size, int):
        return size[0], size[1]
    height, width = shape
    short, long = min(height, width), max(height, width)
    long = int(size * long / short)
    return (size, long) if height <= width else (long, size)


def center_crop(image: Host, size: Size) -> Host:
    """The middle of the image: `(H, W, C)` -> `(*size, C)`; zeros around one that is smaller."""
    check_image("center_crop", image)
    height, width = as_pair(size)
    image = pad_to(image, height, width)
    # Half to even, as torchvision rounds, so that weights see the same pixels.
    top = round((image.shape[0] - height) / 2)
    left = round((image.shape[1] - width) / 2)
    return image[top : top + height, left : left + width]


def random_crop(image: Host, size: Size, rng: np.random.Generator, *, padding: int = 0) -> Host:
    """A uniform window of the image with `padding` zeros around it: `(H, W, C)` -> `(*size, C)`."""
    check_image("random_crop", image)
    height, width = as_pair(size)
    image = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    if image.shape[0] < height or image.shape[1] < width:
        raise DataError(
            f"random_crop: image {image.shape[0]}x{image.shape[1]} is smaller than the crop"
            f" {height}x{width}; resize it first, or give padding"
        )
    top = int(rng.integers(image.shape[0] - height + 1))
    left = int(rng.integers(image.shape[1] - width + 1))
    return image[top : top + height, left : left + width]


def normalize(image: Host, mean: Sequence[float], std: Sequence[float]) -> Host:
    """(x - mean) / std for each channel: float `(H, W, C)` -> float32 `(H, W, C)`."""
    check_image("normalize", image)
    if image.dtype == np.uint8:
        raise DataError("normalize: image must be floating point, got uint8; use to_array first")
    if not len(mean) == len(std) == image.shape[-1]:
        raise DataError(
            f"normalize: mean and std must have {image.shape[-1]} numbers, one per channel,"
            f" got {len(mean)} and {len(std)}"
        )
    if min(std) <= 0:
        raise DataError(f"normalize: std must be > 0, got {tuple(std)}")
    return (image.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)


def as_pair(size: Size) -> tuple[int, int]:
    """An int as a square's (height, width)."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def pad_to(image: Host, height: int, width: int) -> Host:
    """Zeros on both sides until the image has at least this size, the odd one below or right."""
    lack = [max(height - image.shape[0], 0), max(width - image.shape[1], 0)]
    return np.pad(image, (*((n // 2, n - n // 2) for n in lack), (0, 0)))


def check_image(who: str, image: Host) -> None:
    """Raises unless the array is `(H, W, C)` with 1 to 4 channels."""
    if image.ndim == 3 and 1 <= image.shape[-1] <= 4 and min(image.shape[:2]) > 0:
        return
    advice = ""
    if image.ndim == 3 and image.shape[0] in (1, 3, 4):
        advice = "; it looks like CHW: use transpose(1, 2, 0)"
    elif image.ndim == 2:
        advice = "; a gray image needs its channel: use image[:, :, None]"
    raise DataError(
        f"{who}: image must be (height, width, channels) with 1 to 4 channels, "
        f"got shape {image.shape}{advice}"
    )
