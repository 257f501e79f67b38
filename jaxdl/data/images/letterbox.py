"""A picture at a fixed size, with what is drawn on it."""

import numpy as np

from jaxdl.data.images.transforms import center_crop, resize
from jaxdl.typing import Host

Size = tuple[int, int]


def fit_size(shape: Size, size: Size, keep_shape: bool) -> Size:
    """Height and width of the picture within `size`: all of it, or as much as its shape allows."""
    if not keep_shape:
        return size
    scale = min(size[0] / shape[0], size[1] / shape[1])
    height, width = (
        min(full, max(1, round(scale * n))) for full, n in zip(size, shape, strict=True)
    )
    return height, width


def letterbox(image: Host, size: Size, *, keep_shape: bool = True) -> Host:
    """The picture resized into the upper left of `size`, zeros below or to the right of it.

    `(H, W, C)` -> `(*size, C)`. Without `keep_shape` it is stretched to fill all.
    """
    height, width = fit_size(image.shape[:2], size, keep_shape)
    made = np.zeros((*size, image.shape[-1]), image.dtype)
    made[:height, :width] = resize(image, (height, width))
    return made


def resize_and_center_crop(image: Host, size: Size) -> Host:
    """The picture resized until it covers `size`, and its middle: `(H, W, C)` -> `(*size, C)`."""
    height, width = size
    if height == width:
        return center_crop(resize(image, height), height)
    scale = max(height / image.shape[0], width / image.shape[1])
    cover = (round(scale * image.shape[0]), round(scale * image.shape[1]))
    return center_crop(resize(image, cover), (height, width))


def letterbox_masks(masks: Host, size: Size, *, keep_shape: bool = True) -> Host:
    """Masks or a label map moved as `letterbox` moves the picture: `(..., H, W)`, nearest pixel."""
    old = masks.shape[-2:]
    new = fit_size((old[0], old[1]), size, keep_shape)
    rows, columns = (
        ((np.arange(n) + 0.5) * m / n).astype(np.int64) for n, m in zip(new, old, strict=True)
    )
    made = np.zeros((*masks.shape[:-2], *size), masks.dtype)
    made[..., : new[0], : new[1]] = masks[..., rows[:, None], columns]
    return made


def letterbox_scale(shape: Size, size: Size, *, keep_shape: bool = True) -> Host:
    """What x and y are multiplied by: `(2,)` float32; boxes need it twice."""
    height, width = fit_size(shape, size, keep_shape)
    return np.array([width / shape[1], height / shape[0]], np.float32)
